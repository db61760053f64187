// Cronslots prints what robfig/cron makes of schedule lines: the judge of our own reading of them.
//
// Each line of standard input is {"cron", "zone", "from", "until"} (times in Unix seconds); each line of standard
// output is {"slots": [Unix seconds]} or {"error"}.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/robfig/cron/v3"
)

type question struct {
	Cron  string `json:"cron"`
	Zone  string `json:"zone"`
	From  int64  `json:"from"`
	Until int64  `json:"until"`
}

type answer struct {
	Slots []int64 `json:"slots"`
	Error string  `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := output.Encode(ask(q)); err != nil {
			panic(err)
		}
	}
}

func ask(q question) answer {
	schedule, err := cron.ParseStandard(q.Cron)
	if err != nil {
		return answer{Slots: []int64{}, Error: err.Error()}
	}
	zone, err := time.LoadLocation(q.Zone)
	if err != nil {
		return answer{Slots: []int64{}, Error: err.Error()}
	}
	slots := []int64{}
	for at := time.Unix(q.From, 0).In(zone); ; {
		at = schedule.Next(at)
		if at.IsZero() || at.Unix() > q.Until {
			return answer{Slots: slots}
		}
		slots = append(slots, at.Unix())
	}
}
