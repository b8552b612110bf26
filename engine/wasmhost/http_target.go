package wasmhost

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/credence-engine/credence/wasmabi"
)

// target is where a request goes, or may go: a URL that has one reading only.
type target struct {
	scheme string // http or https
	host   string // a name in lower case, or an address in its usual form, without brackets
	port   uint16
	path   string // as it is sent; begins with a slash
	query  string // as it is sent, with its question mark
}

// readTarget reads an absolute URL. It is stricter than the standard (RFC
// 3986): whatever some server or resolver could read in another way than we do
// is refused and not repaired.
func readTarget(raw string) (target, error) {
	t := target{path: "/"}
	if len(raw) > wasmabi.MaxURLBytes {
		return t, fmt.Errorf("it has %d bytes: at most %d are allowed", len(raw), wasmabi.MaxURLBytes)
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return t, errors.New("begin with https:// or http://")
	}
	t.scheme = scheme
	authority := rest
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		authority, rest = rest[:at], rest[at:]
	} else {
		rest = ""
	}
	if err := t.readAuthority(authority); err != nil {
		return t, err
	}
	path, query, asked := strings.Cut(rest, "?")
	if path != "" {
		t.path = path
	}
	if asked {
		t.query = "?" + query
	}
	if err := checkPath(t.path); err != nil {
		return t, err
	}
	return t, checkEscapes(query, pathBytes+"/?;", "")
}

// The bytes that may occur in a path as they are, besides slashes: pchar of
// RFC 3986 without ";", which some servers cut a segment at.
const pathBytes = letters + digits + "-._~!$&'()*+,=:@"

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// readAuthority reads host and port.
func (t *target) readAuthority(authority string) error {
	if strings.Contains(authority, "@") {
		return errors.New("leave out the user and the password")
	}
	host, port := authority, ""
	literal := strings.HasPrefix(authority, "[")
	if literal {
		var closed bool
		if host, port, closed = strings.Cut(authority[1:], "]"); !closed {
			return errors.New("the address has no closing bracket")
		}
	} else if at := strings.IndexByte(authority, ':'); at >= 0 {
		host, port = authority[:at], authority[at:]
	}
	t.port = defaultPort(t.scheme)
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 || port[0] != ':' || port[1] == '0' || port[1] == '+' {
			return errors.New("the port is not a number of 1 to 65535")
		}
		t.port = uint16(n)
	}
	var err error
	t.host, err = readHost(host, literal)
	return err
}

// readHost reads a name, or an address in its usual form: resolvers read
// 127.1, 0x7f000001, 2130706433 and 0177.0.0.1 as addresses too.
func readHost(host string, literal bool) (string, error) {
	address, err := netip.ParseAddr(host)
	switch {
	case literal && (err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "" || address.String() != host):
		return "", errors.New("the address in brackets is not an IPv6 address in its shortest form, without a zone")
	case literal, err == nil && address.Is4() && address.String() == host:
		return host, nil
	}
	host = strings.ToLower(host)
	if len(host) > 253 {
		return "", errors.New("the host has more than 253 characters")
	}
	last := ""
	for last = range strings.SplitSeq(host, ".") {
		if last == "" || len(last) > 63 || strings.Trim(last, strings.ToLower(letters)+digits+"-_") != "" || strings.Trim(last, "-") != last {
			return "", errors.New("the host is not a name: use letters, digits and dashes with dots between, in the form xn-- for other scripts")
		}
	}
	if strings.Trim(last, digits) == "" || strings.HasPrefix(last, "0x") {
		return "", errors.New("the host is an address in an unusual form: write four numbers with dots between")
	}
	return host, nil
}

// checkPath refuses what a server could read as another path.
func checkPath(path string) error {
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		switch {
		case segment == "" && i < len(segments)-1:
			return errors.New("the path has an empty segment")
		case segment == "." || segment == "..":
			return errors.New("the path has a segment of dots")
		}
	}
	return checkEscapes(path, pathBytes+"/", `./\%;`)
}

// checkEscapes checks that text has only bytes that are allowed, and escapes of
// others: none of hidden, no control characters, and UTF-8 in all.
func checkEscapes(text, allowed, hidden string) error {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		b := text[i]
		if b != '%' {
			if strings.IndexByte(allowed, b) < 0 {
				return fmt.Errorf("the character %q is not allowed there: escape it, if that is what you mean", b)
			}
			plain = append(plain, b)
			continue
		}
		if i+2 >= len(text) {
			return errors.New("an escape is not % and two hexadecimal digits")
		}
		n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return errors.New("an escape is not % and two hexadecimal digits")
		}
		if hidden != "" && (n < ' ' || n == 0x7f || strings.IndexByte(hidden, byte(n)) >= 0) {
			return fmt.Errorf("%s is not allowed in the path", text[i:i+3])
		}
		plain = append(plain, byte(n))
		i += 2
	}
	if hidden != "" && !utf8.Valid(plain) {
		return errors.New("the path is not valid UTF-8")
	}
	return nil
}

// authority is host and port as a URL has them, without the scheme's own port.
func (t *target) authority() string {
	host := t.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.port == defaultPort(t.scheme) {
		return host
	}
	return host + ":" + strconv.Itoa(int(t.port))
}

func defaultPort(scheme string) uint16 {
	if scheme == "http" {
		return 80
	}
	return 443
}
