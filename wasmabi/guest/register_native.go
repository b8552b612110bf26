//go:build !wasip1

package guest

// bind has nothing to do outside a module: a test makes its own dispatcher.
func bind(Service) {}
