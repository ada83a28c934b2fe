package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const drainMax = 60 * time.Second

// fanOut has every watch see every write: events a second until the last watch has the last of them, and how long one
// was under way. A watch that misses one, or sees one twice or out of order, is an error.
func fanOut(o options, connections []*clientv3.Client) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.seconds*float64(time.Second))+drainMax)
	defer cancel()
	seen := make([]*watched, o.watches)
	for n := range seen {
		client := connections[n%len(connections)]
		channel := client.Watch(ctx, "fan/", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		if opened := <-channel; !opened.Created {
			return result{}, fmt.Errorf("watch %d: %w", n, opened.Err())
		}
		seen[n] = &watched{channel: channel}
	}
	last := make(chan int64)
	var group sync.WaitGroup
	for _, one := range seen {
		group.Go(func() { one.follow(last) })
	}
	started := time.Now()
	written, failures := write(ctx, o, connections)
	for range o.watches {
		select {
		case last <- written:
		case <-ctx.Done():
		}
	}
	group.Wait()
	took := time.Since(started)
	var waits []float64
	for n, one := range seen {
		waits = append(waits, one.waits...)
		if one.wrong != nil {
			failures = append(failures, fmt.Errorf("watch %d: %w", n, one.wrong))
		}
	}
	return summary(waits, failures, took), nil
}

// write puts the time as the value, as fast as it is answered; it returns the last revision.
func write(ctx context.Context, o options, connections []*clientv3.Client) (int64, []error) {
	end := time.Now().Add(time.Duration(o.seconds * float64(time.Second)))
	var group sync.WaitGroup
	var lock sync.Mutex
	var latest int64
	var failures []error
	for n := range o.clients {
		group.Go(func() {
			for time.Now().Before(end) {
				now := strconv.FormatInt(time.Now().UnixNano(), 10)
				answer, err := connections[n%len(connections)].Put(ctx, "fan/"+strconv.Itoa(n), now)
				lock.Lock()
				if err != nil {
					failures = append(failures, err)
				} else {
					latest = max(latest, answer.Header.Revision)
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	return latest, failures
}

type watched struct {
	channel clientv3.WatchChan
	waits   []float64
	at      int64
	wrong   error
}

// follow reads until it has the revision that `last` names once it is known.
func (w *watched) follow(last <-chan int64) {
	target := int64(-1)
	for target < 0 || w.at < target {
		select {
		case target = <-last:
			last = nil // one for each watch
		case answer, open := <-w.channel:
			if !open || answer.Err() != nil {
				w.wrong = fmt.Errorf("ended at revision %d: %w", w.at, answer.Err())
				return
			}
			for _, event := range answer.Events {
				w.see(event)
			}
		}
	}
}

func (w *watched) see(event *clientv3.Event) {
	if w.at != 0 && event.Kv.ModRevision != w.at+1 {
		w.wrong = fmt.Errorf("revision %d came after %d", event.Kv.ModRevision, w.at)
	}
	w.at = event.Kv.ModRevision
	if sent, err := strconv.ParseInt(string(event.Kv.Value), 10, 64); err == nil {
		w.waits = append(w.waits, float64(time.Now().UnixNano()-sent)/1e6)
	}
}

// many opens each watch on a key of its own, writes all the keys once, and waits for one event on each.
func many(o options, connections []*clientv3.Client) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), drainMax)
	defer cancel()
	channels := make([]clientv3.WatchChan, o.watches)
	for n := range channels {
		channels[n] = connections[n%len(connections)].Watch(ctx, "many/"+strconv.Itoa(n), clientv3.WithCreatedNotify())
	}
	for n, channel := range channels {
		if opened := <-channel; !opened.Created {
			return result{}, fmt.Errorf("watch %d: %w", n, opened.Err())
		}
	}
	started := time.Now()
	waits := make([][]float64, o.watches)
	failures := make([][]error, o.watches)
	var group sync.WaitGroup
	for n, channel := range channels {
		group.Go(func() {
			wait, err := own(channel, n)
			if err != nil {
				failures[n] = []error{err}
			} else {
				waits[n] = []float64{wait}
			}
		})
	}
	for first := 0; first < o.watches; first += 100 {
		var puts []clientv3.Op
		for n := first; n < min(first+100, o.watches); n++ {
			puts = append(puts, clientv3.OpPut("many/"+strconv.Itoa(n), strconv.FormatInt(time.Now().UnixNano(), 10)))
		}
		if _, err := connections[0].Txn(ctx).Then(puts...).Commit(); err != nil {
			return result{}, err
		}
	}
	group.Wait()
	return summary(slices.Concat(waits...), slices.Concat(failures...), time.Since(started)), nil
}

func own(channel clientv3.WatchChan, n int) (float64, error) {
	answer, open := <-channel
	if !open || len(answer.Events) != 1 || string(answer.Events[0].Kv.Key) != "many/"+strconv.Itoa(n) {
		return 0, fmt.Errorf("watch %d saw %d events: %w", n, len(answer.Events), answer.Err())
	}
	sent, err := strconv.ParseInt(string(answer.Events[0].Kv.Value), 10, 64)
	return float64(time.Now().UnixNano()-sent) / 1e6, err
}
