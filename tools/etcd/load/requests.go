package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type request func(ctx context.Context, client *clientv3.Client) error

func key(n int) string { return fmt.Sprintf("load/%08d", n) }

func requestOf(o options) (request, error) {
	value := strings.Repeat("x", o.size)
	switch o.work {
	case "put":
		return func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.Put(ctx, key(rand.IntN(o.keys)), value)
			return err
		}, nil
	case "get", "get-serializable":
		var how []clientv3.OpOption
		if o.work == "get-serializable" {
			how = append(how, clientv3.WithSerializable())
		}
		return func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.Get(ctx, key(rand.IntN(o.keys)), how...)
			return err
		}, nil
	case "txn":
		return func(ctx context.Context, client *clientv3.Client) error {
			puts := make([]clientv3.Op, o.batch)
			for i, n := range rand.Perm(o.keys)[:o.batch] {
				puts[i] = clientv3.OpPut(key(n), value)
			}
			_, err := client.Txn(ctx).Then(puts...).Commit()
			return err
		}, nil
	}
	return nil, fmt.Errorf("no such work: %q", o.work)
}

// fill puts a value under every key, so that reads find one.
func fill(o options, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	value := strings.Repeat("x", o.size)
	for first := 0; first < o.keys; first += 100 {
		var puts []clientv3.Op
		for n := first; n < min(first+100, o.keys); n++ {
			puts = append(puts, clientv3.OpPut(key(n), value))
		}
		if _, err := client.Txn(ctx).Then(puts...).Commit(); err != nil {
			return err
		}
	}
	return nil
}

// requests asks for o.seconds and tells the rate of what was answered in that time.
func requests(o options, connections []*clientv3.Client, ask request) result {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration((o.seconds+30)*float64(time.Second)))
	defer cancel()
	started := time.Now()
	end := started.Add(time.Duration(o.seconds * float64(time.Second)))
	waits := make([][]float64, o.clients)
	failures := make([][]error, o.clients)
	var group sync.WaitGroup
	for n := range o.clients {
		group.Go(func() {
			due := started
			step := time.Duration(0)
			if o.rate > 0 {
				step = time.Duration(float64(o.clients) / o.rate * float64(time.Second))
				due = due.Add(time.Duration(float64(n) / o.rate * float64(time.Second)))
			}
			for time.Now().Before(end) {
				if step > 0 {
					time.Sleep(time.Until(due))
				} else {
					due = time.Now()
				}
				if err := ask(ctx, connections[n%len(connections)]); err != nil {
					failures[n] = append(failures[n], err)
				} else {
					waits[n] = append(waits[n], time.Since(due).Seconds()*1000)
				}
				due = due.Add(step)
			}
		})
	}
	group.Wait()
	return summary(slices.Concat(waits...), slices.Concat(failures...), time.Since(started))
}

func summary(waits []float64, failures []error, took time.Duration) result {
	slices.Sort(waits)
	found := result{Operations: len(waits), PerSecond: float64(len(waits)) / took.Seconds(), Errors: len(failures)}
	if len(waits) > 0 {
		found.P50 = waits[len(waits)/2]
		found.P99 = waits[len(waits)*99/100]
	}
	if len(failures) > 0 {
		found.FirstError = failures[0].Error()
	}
	return found
}
