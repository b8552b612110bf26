package e2e

import (
	"encoding/base64"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The example grace window through a running server: its dates, its words for
// operators, and an application's own configuration over the service's.
func TestTheGraceWindowServes(t *testing.T) {
	s := newServer(t)
	wasm, err := os.ReadFile(graceWindow)
	require.NoError(t, err)
	module := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)
	deploy := object{"module": module["digest"], "config": object{"notBefore": "2020-01-01T00:00:00Z", "notAfter": "2020-12-31T00:00:00Z"}}
	bad := object{"module": module["digest"], "config": object{"notBefore": "yesterday"}}
	s.must(http.StatusBadRequest, http.MethodPut, "/v1/credentials-services/grace", bad)
	s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/grace", deploy)
	app := s.app("rentals", "grace")
	provision := func(app, id, body string) {
		s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": id, "body": base64.StdEncoding.EncodeToString([]byte(body))})
	}
	end := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	provision(app, "rented", `{"notAfter":"`+end+`"}`)
	provision(app, "returned", `a public key, with the service's dates`)

	decision, _ := s.verify(app, "rented")
	require.Equal(t, "ACCEPTED", decision)
	v := s.must(http.StatusOK, http.MethodPost, app+"/verify", object{"credentialsId": "returned"})
	require.Contains(t, []any{"DENIED_BY_SERVICE", "EXPIRED"}, v["reason"], v)
	require.Contains(t, v["detail"], "2020-12-31")

	own := s.must(http.StatusCreated, http.MethodPost, "/v1/applications", object{
		"name": "long rentals", "credentialsService": "grace", "serviceConfig": object{"notAfter": end},
	})
	app = "/v1/applications/" + own["id"].(string)
	provision(app, "returned", `a public key`)
	decision, _ = s.verify(app, "returned")
	require.Equal(t, "ACCEPTED", decision)
	s.must(http.StatusBadRequest, http.MethodPatch, app, object{"serviceConfig": object{"notAfter": 7}})
}
