// Command robfig-golden prints what robfig/cron v3.0.1, the parser inside Dkron, makes of several thousand
// schedules. One JSON array per line: kind, text, zone, the instant asked from, and the answer, which is either
// the next five slots or one of the words "refused", "panics" and "hangs". The zones come from $ZONEINFO, which
// has to be set so that both sides of the comparison use the same tz data. Every run prints the same.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	slotsPerRow = 5
	// A row takes milliseconds; one that is not back by then never comes back.
	patience = 4 * time.Second
)

// Row is a question: the slots of Text in Zone after Since.
type Row struct{ Kind, Text, Zone, Since string }

// The flags with which Dkron builds its parser: six fields, all of them mandatory.
var parser = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

func main() {
	if os.Getenv("ZONEINFO") == "" {
		fmt.Fprintln(os.Stderr, "ZONEINFO is not set; point it at the zone files that the other side uses")
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, cases := range [][]Row{grammarCases(), refusedCases(), durationCases(), instantCases(), randomCases(), changeCases()} {
		for _, row := range cases {
			if err := encoder.Encode([]any{row.Kind, row.Text, row.Zone, row.Since, patiently(row)}); err != nil {
				panic(err)
			}
		}
	}
}

// patiently gives up on a row that robfig/cron never answers: its search for a day does not end in a zone that
// skips one. The goroutine is left behind; there is no way to stop it.
func patiently(row Row) any {
	done := make(chan any, 1)
	go func() { done <- answer(row) }()
	select {
	case found := <-done:
		return found
	case <-time.After(patience):
		return "hangs"
	}
}

func answer(row Row) (found any) {
	defer func() {
		if recover() != nil {
			found = "panics"
		}
	}()
	if row.Kind == "at" {
		return answerAt(row)
	}
	schedule, err := parser.Parse(zoned(row))
	if err != nil {
		return "refused"
	}
	at, err := time.Parse(time.RFC3339, row.Since)
	if err != nil {
		panic(err)
	}
	slots := []string{}
	for range slotsPerRow {
		at = schedule.Next(at)
		if at.IsZero() {
			break
		}
		slots = append(slots, at.UTC().Format(time.RFC3339))
	}
	return slots
}

// answerAt covers @at, which Dkron reads itself: with time.Parse and the RFC 3339 layout.
func answerAt(row Row) any {
	at, err := time.Parse(time.RFC3339, strings.TrimPrefix(row.Text, "@at "))
	if err != nil {
		return "refused"
	}
	return []string{at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)}
}

// zoned puts the zone in front, as Dkron does with a job's timezone. A text without any is read in UTC here, so
// that the table does not depend on the machine.
func zoned(row Row) string {
	switch {
	case row.Zone != "":
		return "TZ=" + row.Zone + " " + row.Text
	case row.Kind == "grammar" && !strings.Contains(row.Text, "TZ="):
		return "TZ=UTC " + row.Text
	default:
		return row.Text
	}
}
