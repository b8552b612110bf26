package guest

// Register makes s the service of this module. Call it once, from init: main
// never runs in a module.
func Register(s Service) {
	if s == nil {
		panic("guest: Register(nil): give a service")
	}
	if registered != nil {
		panic("guest: Register was called twice: a module holds one service")
	}
	registered = s
	bind(s)
}

var registered Service
