package wasmhost

import (
	"errors"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
)

// FindingCode names a kind of finding. Codes are stable, and new ones are only
// ever added.
type FindingCode string

// What can be seen in the file.
const (
	FoundMalformed         FindingCode = "module_malformed"   // the bytes are no well-formed module
	FoundComponent         FindingCode = "module_component"   // a component, not a core module
	FoundFeature           FindingCode = "module_feature"     // a language feature that the engine does not run
	FoundInvalid           FindingCode = "module_invalid"     // against a rule of WebAssembly or of cred_v1
	FoundOverLimit         FindingCode = "module_over_limit"  // a structural limit, or the memory's, is exceeded
	FoundExportMissing     FindingCode = "export_missing"     // an export that the contract requires
	FoundExportCommand     FindingCode = "export_command"     // a command instead of a reactor
	FoundExportWrong       FindingCode = "export_wrong"       // no function, or of another signature
	FoundImportUnknown     FindingCode = "import_unknown"     // the host does not have it
	FoundImportWrong       FindingCode = "import_wrong"       // of another signature
	FoundImportUndeclared  FindingCode = "import_undeclared"  // its capability is not in the manifest
	FoundManifest          FindingCode = "manifest_invalid"   // the manifest cannot be read
	FoundNoManifest        FindingCode = "manifest_missing"   // warning: operators see no name and version
	FoundCapabilityUnused  FindingCode = "capability_unused"  // warning: asked for, and no function of it is imported
	FoundCapabilityMissing FindingCode = "capability_missing" // asked for, and not granted
	FoundLimits            FindingCode = "limits_refused"     // the limits and the module do not fit
	FoundGrantsNeeded      FindingCode = "grants_needed"      // warning: asked for, and not granted by default
	FoundGrants            FindingCode = "grants_invalid"     // the grants cannot be read
	FoundConfigInvalid     FindingCode = "config_invalid"     // the configuration is no JSON or too large
)

// What shows on trial.
const (
	FoundTrap             FindingCode = "trial_trap"          // a call trapped
	FoundViolation        FindingCode = "trial_violation"     // a call broke the contract
	FoundLate             FindingCode = "trial_late"          // a call ran out of time
	FoundConfigRefused    FindingCode = "config_refused"      // cred_configure refused the configuration
	FoundUnfinished       FindingCode = "trial_unfinished"    // warning: the time of the trial ended it
	FoundEmptyConfig      FindingCode = "config_empty_fault"  // warning: cred_configure fails on {} instead of refusing it
	FoundInternal         FindingCode = "status_internal"     // warning: a call was answered with INTERNAL
	FoundUnknownAccepted  FindingCode = "unknown_accepted"    // warning: an id that nobody provided is known
	FoundLookupWrites     FindingCode = "lookup_writes"       // warning: a lookup changed the state
	FoundProvideRefused   FindingCode = "provide_refused"     // warning: so that the life of credentials could not be tried
	FoundProvideStatus    FindingCode = "provide_status"      // warning: provided credentials are not AVAILABLE
	FoundProvideForgotten FindingCode = "provide_forgotten"   // warning: provided, and a lookup does not find them
	FoundProvideRepeat    FindingCode = "provide_repeat"      // warning: the same credentials cannot come twice
	FoundStatusBack       FindingCode = "status_back"         // warning: a lookup after a claim or a revocation does not show it
	FoundProofAccepted    FindingCode = "proof_accepted"      // warning: a proof that shows nothing holds
	FoundRevokedRepeat    FindingCode = "mark_revoked_repeat" // warning: the news of a revocation cannot come twice
)

// messageOf is what an error says, without the code in front.
func messageOf(err error) string {
	if e, ok := errors.AsType[*engine.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// codeOfBinary names what is wrong with the bytes of a module.
func codeOfBinary(err error) FindingCode {
	e, ok := errors.AsType[*wasmbin.Error](err)
	if !ok {
		return FoundInvalid
	}
	switch e.Reason {
	case wasmbin.Malformed:
		return FoundMalformed
	case wasmbin.Component:
		return FoundComponent
	case wasmbin.Unsupported:
		return FoundFeature
	case wasmbin.OverLimit:
		return FoundOverLimit
	default:
		return FoundInvalid
	}
}

// refusalOf names what stands between a module and the settings that it is to
// be deployed with.
func refusalOf(err error) Finding {
	code := FoundInvalid
	if e, ok := errors.AsType[*engine.Error](err); ok {
		switch {
		case e.Field == "/grants" && e.Code == engine.CodeConflict:
			code = FoundCapabilityMissing
		case e.Field == "/grants":
			code = FoundGrants
		case e.Field == "/config":
			code = FoundConfigInvalid
		case len(e.Field) >= len("/limits") && e.Field[:len("/limits")] == "/limits":
			code = FoundLimits
		case e.Code == engine.CodeTooLarge:
			code = FoundOverLimit
		}
	}
	return Finding{SeverityError, code, messageOf(err), err}
}
