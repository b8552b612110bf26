package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxSerialBytes leaves room for two serials in the id of a range, and for the
// name of a range in a key.
const maxSerialBytes = 100

// series is what the serials of a range have in common: SN-001000 is number
// 1000 of the series SN- with six digits.
type series struct {
	prefix string
	digits int
}

func (s series) key() string { return "ranges/" + s.prefix + "/" + strconv.Itoa(s.digits) }

func (s series) serial(number uint64) string {
	return fmt.Sprintf("%s%0*d", s.prefix, s.digits, number)
}

// parseSerial takes the digits at the end of a serial as its number.
func parseSerial(text string) (series, uint64, error) {
	prefix := strings.TrimRight(text, "0123456789")
	digits := text[len(prefix):]
	if len(text) > maxSerialBytes || len(digits) == 0 || len(digits) > 18 {
		return series{}, 0, fmt.Errorf("%.100q is no serial number: it has at most %d bytes and ends in 1 to 18 digits", text, maxSerialBytes)
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return series{prefix: prefix, digits: len(digits)}, number, err
}

// rangeName returns the name of the range that an id stands for, if it does.
func rangeName(id string) (string, bool) { return strings.CutPrefix(id, "range:") }

// parseRange reads a name like SN-001000..SN-001999.
func parseRange(name string) (batch, error) {
	from, to, ok := strings.Cut(name, "..")
	if !ok {
		return batch{}, errors.New("a range is written as its first and last serial, like range:SN-001000..SN-001999")
	}
	in, first, err := parseSerial(from)
	if err != nil {
		return batch{}, err
	}
	other, last, err := parseSerial(to)
	switch {
	case err != nil:
		return batch{}, err
	case in != other:
		return batch{}, fmt.Errorf("%s and %s are of different series: the text before the number and the count of digits must be the same", from, to)
	case last < first:
		return batch{}, fmt.Errorf("%s comes before %s: write the lower serial first", to, from)
	}
	return batch{series: in, first: first, last: last}, nil
}
