// Package project begins projects of custom credentials services: a template
// for each language, and a copy of its SDK beside it, so that a project builds
// without anything of Credence but the program.
package project

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/credence-engine/credence/wasmabi"
)

//go:embed templates
var templates embed.FS

// Languages are those that there is a template for.
func Languages() []string { return []string{"go", "rust", "c", "as"} }

// sdkOf says what of [wasmabi.Sources] a project in a language needs, and where it
// goes below the project's folder sdk.
var sdkOf = map[string][]struct{ from, to string }{
	"go":   {{".", "wasmabi"}, {"guest", "wasmabi/guest"}},
	"rust": {{"guest-rust", "."}},
	"c":    {{"guest-c", "."}},
	"as":   {{"guest-as", "."}},
}

// nameForm is what all the tools of all languages take for a name.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

const maxName = 64

// Create writes a new project into a folder, which is made if it is not there
// and otherwise must be empty. It returns the files of the template, without
// those of the SDK. What was written before an error stays.
func Create(dir, name, language string) ([]string, error) {
	if !nameForm.MatchString(name) || len(name) > maxName {
		return nil, fmt.Errorf("%.80q is no name for a project: use up to %d lower-case letters, digits and single dashes, a letter first", name, maxName)
	}
	if !slices.Contains(Languages(), language) {
		return nil, fmt.Errorf("there is no template for %.40q: choose one of %s", language, strings.Join(Languages(), ", "))
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot use the folder: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: name a folder that is, or none yet, with --dir", dir)
	}
	files, err := writeTemplate(dir, name, language)
	if err != nil {
		return nil, fmt.Errorf("cannot write the project: %w", err)
	}
	if err := writeSDK(filepath.Join(dir, "sdk"), language); err != nil {
		return nil, fmt.Errorf("cannot write the project: %w", err)
	}
	return files, nil
}

// writeTemplate renders the files of a template. Their names end in .tmpl, and
// those of dot-files begin with "dot-".
func writeTemplate(dir, name, language string) ([]string, error) {
	root := path.Join("templates", language)
	var files []string
	err := fs.WalkDir(templates, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(templates, file)
		if err != nil {
			return err
		}
		t, err := template.New(file).Delims("<<", ">>").Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, map[string]string{"Name": name}); err != nil {
			return err
		}
		to := strings.TrimSuffix(strings.TrimPrefix(file, root+"/"), ".tmpl")
		to = path.Join(path.Dir(to), strings.Replace(path.Base(to), "dot-", ".", 1))
		files = append(files, to)
		return write(filepath.Join(dir, filepath.FromSlash(to)), out.Bytes())
	})
	return files, err
}

// writeSDK copies the sources of the SDK, without their own tests.
func writeSDK(dir, language string) error {
	for _, part := range sdkOf[language] {
		err := fs.WalkDir(wasmabi.Sources, part.from, func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative := strings.TrimPrefix(strings.TrimPrefix(file, part.from), "/")
			if part.from == "." {
				relative = file
			}
			switch {
			case d.IsDir() && part.from == "." && file != ".":
				return fs.SkipDir // another part
			case d.IsDir() || strings.HasSuffix(file, "_test.go") || file == "sources.go":
				return nil
			}
			content, err := fs.ReadFile(wasmabi.Sources, file)
			if err != nil {
				return err
			}
			return write(filepath.Join(dir, filepath.FromSlash(part.to), filepath.FromSlash(relative)), content)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func write(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // the sources of a project are no secret
		return err
	}
	return os.WriteFile(file, content, 0o644) //nolint:gosec // the same
}
