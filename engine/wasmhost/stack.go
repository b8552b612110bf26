package wasmhost

import (
	"errors"
	"reflect"

	"github.com/tetratelabs/wazero/api"
)

// Bounds of the native stack of a call. wazero doubles it when it is full, up
// to a hundred megabytes, on Go's heap, and keeps it with the function.
const (
	// maxStack ends a call.
	maxStack = 8 << 20
	// keptStack is the most that an instance may keep for the next call.
	keptStack = 1 << 20
)

var errDeep = &fault{kind: trapped, cause: errors.New("stack overflow: functions call each other too deeply")}

// function is one of the module's, with a view of its stack: wazero does not
// tell how large that is. There is none for functions of its interpreter, which
// bounds the depth itself.
type function struct {
	api.Function
	stack reflect.Value
}

// exported returns a function of the module, whose Function is nil if there
// is none.
func (i *instance) exported(name string) function {
	f := function{Function: i.module.ExportedFunction(name)}
	if f.Function == nil {
		return f
	}
	if v := reflect.ValueOf(f.Function); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		if stack := v.Elem().FieldByName("stack"); stack.Kind() == reflect.Slice {
			f.stack = stack
		}
	}
	return f
}

// stackBytes is how large the stack of the function is.
func (f *function) stackBytes() int {
	if f == nil || !f.stack.IsValid() {
		return 0
	}
	return f.stack.Len()
}
