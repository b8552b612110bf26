package engine

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
)

// DefaultPageSize and MaxPageSize bound the items of one page.
const (
	DefaultPageSize = 100
	MaxPageSize     = 1000
)

// maxScanned bounds the records that one page looks at when a filter passes
// over most of them; the page may then hold fewer items than asked for.
const maxScanned = 20 * MaxPageSize

// ListOptions choose a page of a listing.
type ListOptions struct {
	PageSize  int    // 0 is DefaultPageSize
	PageToken string // from the page before
	Filters   []Filter

	after string // the first page begins behind this key
}

// Filter keeps the items whose field has the value.
type Filter struct {
	Field, Value string
}

// List is one page. All pages of one listing show the state at Revision.
type List[T any] struct {
	Items         []T
	NextPageToken string // empty on the last page
	Revision      Revision
}

// cursor is what a page token carries.
type cursor struct {
	Revision Revision `cbor:"1,keyasint"`
	After    string   `cbor:"2,keyasint"`
	Filters  string   `cbor:"3,keyasint"`
}

func (o ListOptions) size() (int, error) {
	switch {
	case o.PageSize == 0:
		return DefaultPageSize, nil
	case o.PageSize < 1 || o.PageSize > MaxPageSize:
		return 0, Errorf(CodeInvalid, "pageSize must be between 1 and %d", MaxPageSize).InField("pageSize")
	}
	return o.PageSize, nil
}

func (o ListOptions) cursor() (cursor, error) {
	c := cursor{Filters: o.fingerprint(), After: o.after}
	if o.PageToken == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(o.PageToken)
	if err == nil {
		err = recordDecoding.Unmarshal(raw, &c)
	}
	if err != nil || c.Revision <= 0 || c.Filters != o.fingerprint() {
		return c, Errorf(CodeInvalid, "the page token is not one of this listing: pass nextPageToken as it was given, with the same filters").InField("pageToken")
	}
	return c, nil
}

func (o ListOptions) fingerprint() string {
	var b strings.Builder
	for _, f := range o.Filters {
		b.WriteString(f.Field + "\x00" + f.Value + "\x00")
	}
	return b.String()
}

func (c cursor) token() (string, error) {
	raw, err := encode(c)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// filterBy turns the options' filters into one test; each must be one of fields.
func filterBy[T any](o ListOptions, fields map[string]func(*T, string) bool) (func(*T) bool, error) {
	for _, f := range o.Filters {
		if fields[f.Field] == nil {
			known := make([]string, 0, len(fields))
			for name := range fields {
				known = append(known, name)
			}
			slices.Sort(known)
			return nil, Errorf(CodeInvalid, "filter %.40q is unknown here: use %s", f.Field, strings.Join(known, ", ")).InField("filter")
		}
	}
	return func(item *T) bool {
		for _, f := range o.Filters {
			if !fields[f.Field](item, f.Value) {
				return false
			}
		}
		return true
	}, nil
}

// listRecords reads one page of a listing: the records below the prefixes, in
// key order, as of the revision of the first page.
func listRecords[T any](ctx context.Context, e *Engine, o ListOptions, prefixes []string,
	from func(Record) (T, error), keep func(*T) bool,
) (List[T], error) {
	size, err := o.size()
	if err != nil {
		return List[T]{}, err
	}
	c, err := o.cursor()
	if err != nil {
		return List[T]{}, err
	}
	list := List[T]{Items: make([]T, 0, size), Revision: c.Revision}
	for scanned := 0; ; {
		request := ListRequest{Prefixes: prefixes, After: c.After, Limit: size}
		if c.Revision != 0 {
			request.Consistency = AsOf(c.Revision)
		}
		page, err := e.store.List(ctx, request)
		if err != nil {
			return List[T]{}, err
		}
		c.Revision, list.Revision = page.Revision, page.Revision
		scanned += len(page.Records)
		for i, r := range page.Records {
			item, err := from(r)
			if err != nil {
				return List[T]{}, err
			}
			c.After = r.Key
			if keep(&item) {
				list.Items = append(list.Items, item)
			}
			if len(list.Items) == size && (page.More || i < len(page.Records)-1) {
				list.NextPageToken, err = c.token()
				return list, err
			}
		}
		if !page.More || len(page.Records) == 0 {
			return list, nil
		}
		if scanned >= maxScanned {
			list.NextPageToken, err = c.token()
			return list, err
		}
	}
}
