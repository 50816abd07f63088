package main

import (
	"fmt"
	"math/rand"
	"time"
)

const changesPerZone = 8

// changeCases asks around the moments at which a zone's offset changes: schedules fixed inside the gap or the
// overlap, at midnight, and on grids that run across it.
func changeCases() []Row {
	r := rand.New(rand.NewSource(20261101))
	var rows []Row
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		changes := changesOf(zone)
		r.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
		for _, change := range changes[:min(changesPerZone, len(changes))] {
			for _, text := range textsAround(change.In(zone), r) {
				lead := []time.Duration{time.Second, time.Hour, 36 * time.Hour}[r.Intn(3)]
				rows = append(rows, Row{Kind: "change", Text: text, Zone: name, Since: change.Add(-lead).UTC().Format(time.RFC3339)})
			}
		}
	}
	return rows
}

func changesOf(zone *time.Location) []time.Time {
	var changes []time.Time
	at := time.Date(1971, 6, 1, 0, 0, 0, 0, time.UTC)
	for {
		_, end := at.In(zone).ZoneBounds()
		if end.IsZero() || end.Year() > 2045 {
			return changes
		}
		if !end.After(at) {
			// Go ends the yearly rule of a leap year a day early and would stand still there.
			end = at.Add(24 * time.Hour)
		}
		_, before := end.Add(-time.Second).In(zone).Zone()
		if _, after := end.In(zone).Zone(); before != after {
			changes = append(changes, end)
		}
		at = end
	}
}

func textsAround(change time.Time, r *rand.Rand) []string {
	_, before := change.Add(-time.Second).Zone()
	_, after := change.Zone()
	// The wall clock as it would have gone on without the change, somewhere within what is lost or repeated.
	size := max(after-before, before-after)
	wall := change.UTC().Add(time.Duration(min(before, after)+r.Intn(size)) * time.Second)
	minute := fmt.Sprintf("0 %d %d", wall.Minute(), wall.Hour())
	return []string{
		minute + " * * *",
		fmt.Sprintf("%s %d %d *", minute, wall.Day(), int(wall.Month())),
		fmt.Sprintf("%s * * %d", minute, int(wall.Weekday())),
		fmt.Sprintf("*/20 %d %d * * *", wall.Minute(), wall.Hour()),
		fmt.Sprintf("0 */17 %d * * *", wall.Hour()),
		fmt.Sprintf("0 0 0 %d * *", wall.Day()),
		"0 0 0 * * *", "0 30 0 * * *", "59 59 23 * * *", "0 0 */2 * * *", "0 15 */5 * * *", "0 */30 * * * *", "*/45 */59 * * * *",
	}
}
