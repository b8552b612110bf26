package engine

import (
	"slices"
	"strings"
	"time"
)

// EventType says what has happened.
type EventType string

// The types of events.
const (
	CredentialsProvisioned EventType = "credentials.provisioned"
	CredentialsClaimed     EventType = "credentials.claimed"
	CredentialsUpdated     EventType = "credentials.updated"
	CredentialsRevoked     EventType = "credentials.revoked"
	RegistrationsBound     EventType = "registrations.bound"
	RegistrationsDeleted   EventType = "registrations.deleted"
	SessionsOpened         EventType = "sessions.opened"
	// SessionsEnded tells that all sessions end to which its ids fit: those of
	// the application, and of these only those of the credentials, endpoint and
	// session that it names.
	SessionsEnded       EventType = "sessions.ended"
	ApplicationsCreated EventType = "applications.created"
	ApplicationsUpdated EventType = "applications.updated"
	ApplicationsDeleted EventType = "applications.deleted"
	ServicesActivated   EventType = "services.activated"
	ServicesQuarantined EventType = "services.quarantined"
	ServicesDeleted     EventType = "services.deleted"
	NodesStarted        EventType = "nodes.started"
)

// Why sessions ended.
const (
	CauseRevoked             = "CREDENTIALS_REVOKED"
	CauseSessionEnded        = "SESSION_ENDED"
	CauseEndpointEnded       = "ENDPOINT_SESSIONS_ENDED"
	CauseRegistrationDeleted = "REGISTRATION_DELETED"
	CauseApplicationDeleted  = "APPLICATION_DELETED"
	CauseNotValid            = "CREDENTIALS_NOT_VALID"
	causeAutomatic           = "AUTOMATIC_ROLLBACK"
)

// happening is one event that an action means.
type happening struct {
	kind  EventType
	cause string
}

// happenings lists the events of each action, in their order. Actions that it
// does not name are for the audit alone.
var happenings = map[string][]happening{
	"credentials.provision": {{kind: CredentialsProvisioned}},
	"credentials.claim":     {{kind: CredentialsClaimed}},
	"credentials.update":    {{kind: CredentialsUpdated}},
	"credentials.revoke":    {{kind: CredentialsRevoked}, {SessionsEnded, CauseRevoked}},
	"registration.bind":     {{kind: RegistrationsBound}},
	"registration.delete":   {{kind: RegistrationsDeleted}, {SessionsEnded, CauseRegistrationDeleted}},
	"session.open":          {{kind: SessionsOpened}},
	"session.end":           {{SessionsEnded, CauseSessionEnded}},
	"endpoint.end_sessions": {{SessionsEnded, CauseEndpointEnded}},
	"application.create":    {{kind: ApplicationsCreated}},
	"application.update":    {{kind: ApplicationsUpdated}},
	"application.delete":    {{kind: ApplicationsDeleted}, {SessionsEnded, CauseApplicationDeleted}},
	"service.deploy":        {{kind: ServicesActivated}},
	"service.rollback":      {{kind: ServicesActivated}},
	"service.autorollback":  {{ServicesActivated, causeAutomatic}},
	"service.quarantine":    {{kind: ServicesQuarantined}},
	"service.delete":        {{kind: ServicesDeleted}},
	actionNodeStart:         {{kind: NodesStarted}},
}

// EventTypes lists all types in alphabetical order.
func EventTypes() []EventType {
	return []EventType{
		ApplicationsCreated, ApplicationsDeleted, ApplicationsUpdated,
		CredentialsClaimed, CredentialsProvisioned, CredentialsRevoked, CredentialsUpdated,
		NodesStarted, RegistrationsBound, RegistrationsDeleted,
		ServicesActivated, ServicesDeleted, ServicesQuarantined, SessionsEnded, SessionsOpened,
	}
}

// DomainEvent tells of a change that has been made. What does not concern it
// is empty.
type DomainEvent struct {
	Type        EventType
	Revision    Revision // of the change; several events may share it
	At          time.Time
	Application ApplicationID
	Credentials CredentialsID
	Endpoint    EndpointID
	Session     SessionID
	Service     ServiceName
	Number      int // of the service's revision
	Module      Digest
	Node        NodeID
	Cause       string
	User        UserName
	RequestID   string
}

// events are what an entry means, in their order.
func (a *AuditEntry) events() []DomainEvent {
	if a.Action == "credentials.import" {
		return a.imported()
	}
	meant := happenings[a.Action]
	switch {
	case a.Action == "credentials.claim" && a.Session != "":
		meant = append(slices.Clip(meant), happening{kind: SessionsOpened})
	case a.Action == "credentials.update" && a.Cause == CauseNotValid:
		meant = append(slices.Clip(meant), happening{kind: SessionsEnded})
	}
	events := make([]DomainEvent, len(meant))
	for i, m := range meant {
		events[i] = DomainEvent{
			Type: m.kind, Revision: a.Version, At: a.At, Application: a.Application, Endpoint: a.Endpoint, Session: a.Session,
			Service: a.Service, Number: a.Number, Module: a.Module, Cause: m.cause, User: a.User, RequestID: a.RequestID,
		}
		if a.Cause != "" {
			events[i].Cause = a.Cause
		}
		switch kind, _, _ := strings.Cut(a.Action, "."); kind {
		case "credentials", "registration", "session":
			events[i].Credentials = CredentialsID(a.Target)
		case "node":
			events[i].Node = NodeID(a.Target)
		}
		if m.kind == CredentialsClaimed { // the session is the next event's
			events[i].Session = ""
		}
		if m.kind == SessionsEnded && a.Session == "" && events[i].Credentials != "" {
			events[i].Endpoint = "" // of these credentials all, whoever uses them
		}
	}
	return events
}

// imported are the events of an entry for many credentials.
func (a *AuditEntry) imported() []DomainEvent {
	events := make([]DomainEvent, len(a.Targets))
	for i, id := range a.Targets {
		events[i] = DomainEvent{
			Type: CredentialsProvisioned, Revision: a.Version, At: a.At, Application: a.Application,
			Credentials: CredentialsID(id), User: a.User, RequestID: a.RequestID,
		}
	}
	return events
}

// Scope says whose entries and events may be seen.
type Scope struct {
	Tenant   TenantID // those of this tenant's applications; empty: of none (I8)
	Platform bool     // those that are of no application
}

func (s Scope) sees(a *AuditEntry) bool {
	if a.Application == "" {
		return s.Platform
	}
	return s.Tenant != "" && a.Tenant == s.Tenant
}

// EventFilter chooses events.
type EventFilter struct {
	Scope       Scope
	Application ApplicationID // only those of this one; empty: of all
	Types       []EventType   // only these; none: all
}

// ParseEventTypes reads names of types, each by itself or several with commas
// between them.
func ParseEventTypes(texts []string) ([]EventType, error) {
	known := EventTypes()
	var types []EventType
	for _, text := range texts {
		for name := range strings.SplitSeq(text, ",") {
			if !slices.Contains(known, EventType(name)) {
				return nil, Errorf(CodeInvalid, "the event type %.60q is unknown: use %s", name, strings.Join(names(known), ", ")).InField("types")
			}
			if !slices.Contains(types, EventType(name)) {
				types = append(types, EventType(name))
			}
		}
	}
	return types, nil
}

func names(types []EventType) []string {
	texts := make([]string, len(types))
	for i, t := range types {
		texts[i] = string(t)
	}
	return texts
}
