package rest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/credence-engine/credence/engine"
)

// page is how every listing is written.
type page[T any] struct {
	Items         []T    `json:"items"`
	NextPageToken string `json:"nextPageToken,omitzero"`
}

// listOptions reads what a listing is asked for: ?pageSize, ?pageToken, and
// filters, each either by its name (?status=REVOKED) or as ?filter=name=value.
func (q *request) listOptions() (engine.ListOptions, error) {
	var o engine.ListOptions
	for _, name := range slices.Sorted(maps.Keys(q.query)) {
		for _, value := range q.query[name] {
			if err := readOption(&o, name, value); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func readOption(o *engine.ListOptions, name, value string) error {
	switch name {
	case "pageSize":
		size, err := strconv.Atoi(value)
		if err != nil || size < 1 {
			return engine.Errorf(engine.CodeInvalid, "pageSize must be a number from 1 to %d", engine.MaxPageSize).InField(name)
		}
		o.PageSize = size
	case "pageToken":
		o.PageToken = value
	case "filter":
		at := strings.IndexAny(value, "=:")
		if at < 1 {
			return engine.Errorf(engine.CodeInvalid, "a filter is written as name=value").InField(name)
		}
		o.Filters = append(o.Filters, engine.Filter{Field: value[:at], Value: value[at+1:]})
	case "since": // of the audit
	default:
		o.Filters = append(o.Filters, engine.Filter{Field: name, Value: value})
	}
	return nil
}

// listing answers with one page of a listing.
func listing[T, B any](q *request, list engine.List[T], body func(T) B) reply {
	p := page[B]{Items: make([]B, len(list.Items)), NextPageToken: list.NextPageToken}
	for i, item := range list.Items {
		p.Items[i] = body(item)
	}
	r := reply{body: p}
	if list.NextPageToken != "" {
		query := maps.Clone(q.query)
		if query == nil {
			query = url.Values{}
		}
		query.Set("pageToken", list.NextPageToken)
		r.next = string(targetPath(q.fiber.Context().RequestURI())) + "?" + query.Encode()
	}
	return r
}
