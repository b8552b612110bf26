package rest

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
)

// roundSize is how many requests go to one server before it is the other's turn.
const roundSize = 4096

// BenchmarkVerify sends verifications of one connected endpoint over REST, and
// reports which share it reaches of the requests that a fiber handler answers
// which reads and writes the same JSON and does nothing else, in the same
// process and from the same client.
func BenchmarkVerify(b *testing.B) {
	s := start(b, func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(nowhere{}, nil)) })
	app := s.app("Internal")
	id := s.do("POST", app+"/credentials", `{"body":"YWJj"}`).str("id")
	request := fmt.Sprintf(`{"credentialsId":%q}`, id)
	first := s.do("POST", app+"/verify", request)
	require.Equal(b, "ACCEPTED", first.str("decision"))
	plain := plainFiber(b, first.text)
	for _, connections := range []int{1, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			var bare, took time.Duration
			for left := b.N; left > 0; left -= roundSize { // in turns: the machine's other load hits both alike
				n := min(left, roundSize)
				b.StopTimer()
				bare += load(b, plain, "/verify", request, connections, n)
				b.StartTimer()
				took += load(b, s.addr, app+"/verify", request, connections, n)
			}
			b.ReportMetric(bare.Seconds()/took.Seconds(), "share-of-plain-fiber")
			b.ReportMetric(float64(b.N)/took.Seconds(), "requests/s")
		})
	}
}

// nowhere takes what is logged: writing the lines belongs to what is measured.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func plainFiber(b *testing.B, answer string) string {
	b.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/verify", func(c *fiber.Ctx) error {
		var in struct {
			CredentialsID string `json:"credentialsId"`
		}
		if err := c.BodyParser(&in); err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.SendString(answer)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	app.Server().MaxIdleWorkerDuration = 100 * time.Millisecond // so that its janitor ends before the test
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(ln) }()
	b.Cleanup(func() {
		_ = app.ShutdownWithTimeout(time.Second)
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

// load sends n requests over some connections and returns how long it took.
func load(b *testing.B, addr, path, body string, connections, n int) time.Duration {
	b.Helper()
	login := base64.StdEncoding.EncodeToString([]byte("admin:" + password))
	text := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, login, len(body), body)
	var group sync.WaitGroup
	begun := time.Now()
	for i := range connections {
		share := n / connections
		if i < n%connections {
			share++
		}
		group.Go(func() {
			if err := talk(b.Context(), addr, text, share); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	return time.Since(begun)
}

func talk(ctx context.Context, addr string, request []byte, n int) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	for range n {
		if _, err := c.Write(request); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
	}
	return nil
}
