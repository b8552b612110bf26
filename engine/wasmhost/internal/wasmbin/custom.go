package wasmbin

// AppendCustom returns a copy of the module with one custom section of that
// name at its end; sections of the same name are removed. Only the outer
// structure of the file is read, so it works on modules that [Parse] would
// refuse for their content. It fails with an *[Error] if wasm is no core module.
func AppendCustom(wasm []byte, name string, payload []byte) ([]byte, error) {
	r := reader{file: wasm, end: len(wasm), where: "file"}
	w := writer{out: make([]byte, 0, len(wasm)+len(name)+len(payload)+16)}
	r.header()
	if r.err == nil {
		w.bytes(wasm[:r.pos])
	}
	for r.err == nil && r.left() > 0 {
		start := r.pos
		id, content := r.frame()
		if id == sectionCustom && r.err == nil {
			s := reader{file: wasm, pos: content.start, end: content.end, where: "custom section"}
			if found := s.name(); s.err != nil || found == name {
				r.err = s.err
				continue
			}
		}
		w.bytes(wasm[start:r.pos])
	}
	if r.err != nil {
		return nil, r.err
	}
	w.custom(name, payload)
	return w.out, nil
}

// custom writes a custom section.
func (w *writer) custom(name string, payload []byte) {
	w.section(sectionCustom, func() {
		w.name(name)
		w.bytes(payload)
	})
}
