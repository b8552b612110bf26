package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newModuleCommand(r *remote) *cobra.Command {
	cmd := group("module", "Modules: WebAssembly that custom credentials services run")
	cmd.AddGroup(
		&cobra.Group{ID: localGroup, Title: "Write modules, without a server:"},
		&cobra.Group{ID: clientGroup, Title: "Speak to a server:"},
	)
	add(cmd, localGroup, newModuleNewCommand(r.w), newModuleCheckCommand(r.w), newModuleInspectCommand(r.w), newModuleRunCommand(r.w),
		newModuleBenchCommand(r.w), newModuleWatchCommand(r.w), newModulePackCommand(r.w), newModuleSignCommand(r.w), newModuleVerifyCommand(r.w))
	add(cmd, clientGroup, newModuleUploadCommand(r), newModuleListCommand(r), newModuleGetCommand(r), newModuleDeleteCommand(r))
	return cmd
}

func newModuleUploadCommand(r *remote) *cobra.Command {
	var signature string
	cmd := &cobra.Command{
		Use:   "upload FILE.wasm",
		Short: "Upload a module, or a signature for it; the same bytes again change nothing",
		Args:  takes("FILE.wasm"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			wasm, err := readInput(r.w, args[0])
			if err != nil {
				return err
			}
			var beside detached
			if signature != "" {
				if beside, err = readSignature(r.w, signature, wasm); err != nil {
					return err
				}
			}
			module, err := c.UploadModule(ctx, wasm)
			if err != nil {
				return err
			}
			created := module.Created()
			if signature != "" {
				if module, err = c.AddSignature(ctx, module.Value.Digest, string(beside.Key), beside.Signature); err != nil {
					return fmt.Errorf("the module was uploaded, its signature was not: %w", err)
				}
			}
			rows := moduleRows(module.Value)
			if !created {
				rows.Add("note", "this module was there already")
			}
			return r.print(module.JSON, rows)
		}),
	}
	cmd.Flags().StringVar(&signature, "signature", "", "`file` that module sign wrote for this module")
	return cmd
}

func newModuleListCommand(r *remote) *cobra.Command {
	var limit uint
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the modules",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			modules, err := c.Modules(ctx, limit)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"DIGEST", "NAME", "VERSION", "SIZE", "SIGNATURE", "UPLOADED"}}
			for _, m := range modules.Value {
				rows.Add(m.Digest, m.Name, m.Version, sizeText(m.Size), m.Signature.State, timeText(m.UploadedAt))
			}
			return r.print(modules.JSON, rows)
		}),
	}
	bindLimit(cmd, &limit)
	return cmd
}

func newModuleGetCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "get DIGEST",
		Short: "Show a module",
		Args:  takes("DIGEST"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			module, err := c.Module(ctx, args[0])
			if err != nil {
				return err
			}
			return r.print(module.JSON, moduleRows(module.Value))
		}),
		ValidArgsFunction: r.completeFirst(moduleDigests),
	}
}

func newModuleDeleteCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "delete DIGEST",
		Short: "Delete a module that no credentials service uses",
		Args:  takes("DIGEST"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.DeleteModule(ctx, args[0]); err != nil {
				return err
			}
			r.tellf("deleted module %s", args[0])
			return nil
		}),
		ValidArgsFunction: r.completeFirst(moduleDigests),
	}
}

func moduleRows(m client.Module) output.Rows {
	var rows output.Rows
	rows.Add("digest", m.Digest)
	rows.Add("name", m.Name)
	rows.Add("version", m.Version)
	rows.Add("description", m.Description)
	rows.Add("size", sizeText(m.Size))
	rows.Add("abi", strconv.Itoa(m.ABI))
	rows.Add("methods", strings.Join(m.Methods, ", "))
	rows.Add("capabilities", strings.Join(m.Capabilities, ", "))
	rows.Add("signature", vouchingText(m.Signature))
	rows.Add("uploaded", timeText(m.UploadedAt))
	return rows
}

func vouchingText(v client.Vouching) string {
	switch {
	case v.Key != "":
		return v.State + " by " + v.Key
	case v.State == "INVALID":
		return v.State + ": " + v.Detail
	}
	return v.State
}
