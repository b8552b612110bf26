package main

import (
	"context"
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
	add(cmd, localGroup, newModuleCheckCommand(r.w), newModuleInspectCommand(r.w), newModuleRunCommand(r.w),
		newModuleBenchCommand(r.w), newModulePackCommand(r.w))
	add(cmd, clientGroup, newModuleUploadCommand(r), newModuleListCommand(r), newModuleGetCommand(r), newModuleDeleteCommand(r))
	return cmd
}

func newModuleUploadCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "upload FILE.wasm",
		Short: "Upload a module; the same bytes again change nothing",
		Args:  takes("FILE.wasm"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			wasm, err := readInput(r.w, args[0])
			if err != nil {
				return err
			}
			module, err := c.UploadModule(ctx, wasm)
			if err != nil {
				return err
			}
			rows := moduleRows(module.Value)
			if !module.Created() {
				rows.Add("note", "this module was there already")
			}
			return r.print(module.JSON, rows)
		}),
	}
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
			rows := output.Rows{Header: []string{"DIGEST", "NAME", "VERSION", "SIZE", "UPLOADED"}}
			for _, m := range modules.Value {
				rows.Add(m.Digest, m.Name, m.Version, sizeText(m.Size), timeText(m.UploadedAt))
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
	rows.Add("uploaded", timeText(m.UploadedAt))
	return rows
}
