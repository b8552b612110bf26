//go:build wasip1

// Command knqyf answers a lookup as a plug-in of knqyf263/go-plugin, through
// the service of its first example: one text in, one text out.
package main

import (
	"context"
	"strings"

	"github.com/knqyf263/go-plugin/examples/helloworld/greeting"
)

var body = strings.Repeat("0123456789", 29)

type service struct{}

func init() { greeting.RegisterGreeter(service{}) }

func main() {}

func (service) Greet(_ context.Context, request *greeting.GreetRequest) (*greeting.GreetReply, error) {
	_, id, _ := strings.Cut(request.GetName(), " ")
	return &greeting.GreetReply{Message: id + body}, nil
}
