package rest

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/credence-engine/credence/engine"
)

// checkOrigin refuses what a page of another site makes a browser send: the
// browser adds the password that it remembers, and its user knows nothing of
// it. Requests that can change something must come from a page of this server
// or from no page (https://www.w3.org/TR/fetch-metadata/; browsers that do not
// send Sec-Fetch-Site send Origin).
func checkOrigin(c *fiber.Ctx) error {
	foreign := engine.Errorf(engine.CodeDenied, "a page of another site must not do this in your name")
	switch site := c.Get("Sec-Fetch-Site"); site {
	case "":
	case "same-origin", "none":
		return nil
	default:
		return foreign
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return nil
	}
	page, err := url.Parse(origin)
	if err != nil || !strings.EqualFold(page.Host, string(c.Context().Host())) {
		return foreign
	}
	return nil
}
