package wasmhost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/credence-engine/credence/wasmabi"
)

// configuration is what one application's instances are configured with. It
// never changes.
type configuration struct {
	text []byte
	root any
}

// configure lays an application's configuration over that of its service.
// Either may be empty; the text of the service's stays as it is if there is
// nothing to lay over it.
func configure(service, application []byte) (*configuration, error) {
	c := &configuration{text: service}
	if len(service) == 0 {
		c.text = []byte("{}")
	}
	var err error
	if c.root, err = parse(c.text); err != nil {
		return nil, fmt.Errorf("the service's config: %w", err)
	}
	if len(application) > 0 {
		patch, err := parse(application)
		if err != nil {
			return nil, fmt.Errorf("the application's serviceConfig: %w", err)
		}
		c.root = mergePatch(c.root, patch)
		c.text = text(c.root)
	}
	if len(c.text) > wasmabi.MaxInputBytes {
		return nil, fmt.Errorf("the configuration has %d bytes: at most %d are allowed", len(c.text), wasmabi.MaxInputBytes)
	}
	return c, nil
}

func parse(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // a number stays as it was written
	return v, d.Decode(&v)
}

// text writes a value as JSON. What was parsed can be written.
func text(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// mergePatch is RFC 7396. It may change target.
func mergePatch(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = mergePatch(merged[name], value)
		}
	}
	return merged
}

// at returns the text at a JSON pointer (RFC 6901).
func (c *configuration) at(pointer string) ([]byte, wasmabi.Errno) {
	if pointer == "" {
		return c.text, 0
	}
	if pointer[0] != '/' || strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(pointer), "~") {
		return nil, wasmabi.EINVAL
	}
	v := c.root
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		found := false
		switch in := v.(type) {
		case map[string]any:
			v, found = in[token]
		case []any:
			i, err := strconv.Atoi(token)
			if found = err == nil && i >= 0 && i < len(in) && strconv.Itoa(i) == token; found {
				v = in[i]
			}
		}
		if !found {
			return nil, wasmabi.ENOENT
		}
	}
	return text(v), 0
}
