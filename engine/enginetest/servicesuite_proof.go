package enginetest

import (
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func (c *serviceCase) prove(proof engine.Proof) (engine.Verdict, error) {
	return c.Engine.Verify(c.Context(), serviceCaller, c.app, engine.VerifyRequest{CredentialsID: "id", EndpointID: "endpoint", Proof: &proof})
}

func proofIsJudged(c *serviceCase) {
	c.mustProvide("id", "body")
	if c.Proof == nil {
		_, err := c.prove(engine.Proof{Type: "any", Value: []byte("body")})
		require.Equal(c, engine.CodeUnsupported, engine.CodeOf(err), "%v", err)
		c.requireFound("id", "body", engine.Available)
		return
	}
	v, err := c.prove(c.Proof("another body"))
	require.NoError(c, err)
	require.False(c, v.Accepted)
	require.Equal(c, engine.ReasonBadProof, v.Reason)
	c.requireFound("id", "body", engine.Available)
	for range 2 { // the claim, and the endpoint again
		v, err = c.prove(c.Proof("body"))
		require.NoError(c, err)
		require.True(c, v.Accepted, v.Detail)
	}
	v, err = c.prove(c.Proof("another body"))
	require.NoError(c, err)
	require.Equal(c, engine.ReasonBadProof, v.Reason)
	_, err = c.Engine.Revoke(c.Context(), serviceCaller, c.app, "id")
	require.NoError(c, err)
	v, err = c.prove(c.Proof("body"))
	require.NoError(c, err)
	require.Equal(c, engine.ReasonRevoked, v.Reason, "no proof outranks a revocation")
}

func requiredProofMustBeGiven(c *serviceCase) {
	required := engine.ProofRequired
	_, err := c.Engine.UpdateApplication(c.Context(), serviceCaller, c.app, engine.ApplicationPatch{ProofPolicy: &required}, 0)
	if c.Proof == nil {
		require.Equal(c, engine.CodeInvalid, engine.CodeOf(err), "%v", err)
		return
	}
	require.NoError(c, err)
	c.mustProvide("id", "body")
	v := c.verify(c.app, "id", "endpoint")
	require.False(c, v.Accepted)
	require.Equal(c, engine.ReasonBadProof, v.Reason)
	c.requireFound("id", "body", engine.Available)
	v, err = c.prove(c.Proof("body"))
	require.NoError(c, err)
	require.True(c, v.Accepted, v.Detail)
}
