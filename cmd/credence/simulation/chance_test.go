package simulation

import "time"

// chance is a source of decisions: each is a function of the seed and of what
// it is about.
type chance uint64

// about narrows the source down to one subject.
func (c chance) about(words ...string) chance {
	for _, word := range words {
		for i := range len(word) {
			c = (c ^ chance(word[i])) * 0x100000001b3
		}
		c = c.number(uint64(len(word)))
	}
	return c
}

// number narrows the source down by a number (the finalizer of SplitMix64).
func (c chance) number(n uint64) chance {
	z := uint64(c) + n*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return chance(z ^ z>>31)
}

// below is one of 0 … n-1.
func (c chance) below(n int) int { return int(uint64(c.number(1)) % uint64(n)) }

// percent is true in so many of a hundred cases.
func (c chance) percent(p int) bool { return c.about("percent").below(100) < p }

// between is a duration from a up to b.
func (c chance) between(a, b time.Duration) time.Duration {
	return a + time.Duration(uint64(c.number(2))%uint64(b-a))
}

// pick is one of the values.
func pick[T any](c chance, values ...T) T { return values[c.below(len(values))] }
