package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"
)

const randomRows = 2000

// Zones whose clocks did something out of the ordinary, beside a few that are plain.
var zones = []string{
	"UTC", "America/New_York", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu",
	"Australia/Lord_Howe", "Australia/Sydney", "Antarctica/Troll", "Antarctica/Casey", "Antarctica/Vostok", "America/Sao_Paulo", "America/Asuncion", "America/Havana",
	"Asia/Tehran", "Asia/Beirut", "Africa/Cairo", "Asia/Amman", "Asia/Gaza", "Asia/Damascus", "Pacific/Apia", "Pacific/Fakaofo", "Pacific/Kwajalein",
	"Pacific/Kiritimati", "Pacific/Kanton", "Asia/Pyongyang", "America/Caracas", "Africa/Casablanca", "Africa/El_Aaiun", "Europe/Volgograd",
	"Europe/Istanbul", "Europe/Samara", "Europe/Lisbon", "Asia/Colombo", "Asia/Almaty", "Asia/Dhaka", "Africa/Juba", "Africa/Monrovia", "Africa/Sao_Tome",
	"Africa/Windhoek", "Africa/Tripoli", "America/St_Johns", "America/Nuuk", "America/Scoresbysund", "America/Mexico_City", "America/Metlakatla",
	"America/Argentina/San_Luis", "America/Santiago", "Pacific/Chatham", "Pacific/Norfolk", "Pacific/Bougainville", "Pacific/Easter", "Pacific/Tongatapu",
}

var bounds = [6][2]int{{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}

var monthNames = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func number(r *rand.Rand, field, n int) string {
	if field == 4 && r.Intn(4) == 0 {
		return monthNames[n-1]
	}
	if field == 5 && r.Intn(4) == 0 {
		return strings.ToUpper(dayNames[n])
	}
	return fmt.Sprint(n)
}

func item(r *rand.Rand, field int) string {
	low, high := bounds[field][0], bounds[field][1]
	a := low + r.Intn(high-low+1)
	b := a + r.Intn(high-a+1)
	step := 1 + r.Intn(high)
	switch r.Intn(6) {
	case 0:
		return fmt.Sprintf("%s-%s", number(r, field, a), number(r, field, b))
	case 1:
		return fmt.Sprintf("%s-%s/%d", number(r, field, a), number(r, field, b), step)
	case 2:
		return fmt.Sprintf("%s/%d", number(r, field, a), step)
	case 3:
		return fmt.Sprintf("*/%d", step)
	default:
		return number(r, field, a)
	}
}

func randomText(r *rand.Rand) string {
	var words []string
	for field := range bounds {
		switch {
		case r.Intn(100) < []int{10, 25, 35, 55, 65, 60}[field]:
			words = append(words, []string{"*", "*", "*", "?", "*/1"}[r.Intn(5)])
		case field < 2 && r.Intn(2) == 0:
			words = append(words, "0")
		default:
			items := []string{item(r, field)}
			for r.Intn(3) == 0 {
				items = append(items, item(r, field))
			}
			words = append(words, strings.Join(items, ","))
		}
	}
	return strings.Join(words, " ")
}

func randomCases() []Row {
	r := rand.New(rand.NewSource(20260301))
	var rows []Row
	for range randomRows {
		since := time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int63n(65*365*86400)) * time.Second)
		rows = append(rows, Row{Kind: "random", Text: randomText(r), Zone: zones[r.Intn(len(zones))], Since: since.Format(time.RFC3339)})
	}
	return rows
}

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
