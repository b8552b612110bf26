package client

import (
	"context"
	"net/http"
	"time"
)

// Generation says how often the state was put back from a backup.
type Generation struct {
	Number         int        `json:"number"`
	RestoredAt     time.Time  `json:"restoredAt"`
	Acknowledged   bool       `json:"acknowledged"`
	AcknowledgedAt time.Time  `json:"acknowledgedAt"`
	AcknowledgedBy string     `json:"acknowledgedBy"`
	MayBeLost      *TimeSpan  `json:"mayBeLost"`
	Lost           []LostSpan `json:"lost"`
	LastBackup     *Backup    `json:"lastBackup"`
}

// TimeSpan is between which times changes may be lost. From is zero where that
// is not known.
type TimeSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// LostSpan are revisions that a restore has lost: those above one, up to
// another.
type LostSpan struct {
	Above int64 `json:"above"`
	UpTo  int64 `json:"upTo"`
}

// Backup is the note of the newest backup.
type Backup struct {
	At       time.Time `json:"at"`
	Release  string    `json:"release"`
	Revision int64     `json:"revision"`
}

// Generation returns the present one.
func (c *Client) Generation(ctx context.Context) (Answer[Generation], error) {
	return call[Generation](ctx, c, request{method: http.MethodGet, path: at("v1", "generation")})
}

// AcknowledgeGeneration says that what may be lost has been dealt with.
func (c *Client) AcknowledgeGeneration(ctx context.Context, number int) (Answer[Generation], error) {
	body := struct {
		Number int `json:"number"`
	}{number}
	return call[Generation](ctx, c, request{method: http.MethodPost, path: at("v1", "generation", "acknowledge"), body: body})
}
