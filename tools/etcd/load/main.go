// Load on anything that speaks etcd's API, by the client that most of its users have: one workload, one line of JSON.
//
//	load -endpoints 127.0.0.1:2379 -work put -clients 64 -seconds 3
//
// Works: put, get, get-serializable, txn (-batch keys in one transaction), watch (-watches on one prefix, while -clients
// write), watches (-watches on keys of their own, each of which must see its own write and no other).
// With -rate, requests start when they are due, and their latency counts from then: a queue shows, instead of hiding.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

type options struct {
	endpoints   []string
	work        string
	clients     int
	connections int
	seconds     float64
	rate        float64
	size        int
	keys        int
	batch       int
	watches     int
}

type result struct {
	Operations int     `json:"operations"`
	PerSecond  float64 `json:"per_s"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Errors     int     `json:"errors"`
	FirstError string  `json:"first_error,omitempty"`
}

func read() options {
	var o options
	endpoints := flag.String("endpoints", "127.0.0.1:2379", "host:port, separated by commas")
	flag.StringVar(&o.work, "work", "put", "put | get | get-serializable | txn | watch | watches")
	flag.IntVar(&o.clients, "clients", 1, "requests under way at once")
	flag.IntVar(&o.connections, "connections", 0, "connections that they share; 0: one for each client, at most 64")
	flag.Float64Var(&o.seconds, "seconds", 3, "how long")
	flag.Float64Var(&o.rate, "rate", 0, "requests a second in all; 0: each client asks again when it was answered")
	flag.IntVar(&o.size, "size", 100, "bytes of a value")
	flag.IntVar(&o.keys, "keys", 10000, "different keys")
	flag.IntVar(&o.batch, "batch", 16, "keys of a transaction")
	flag.IntVar(&o.watches, "watches", 100, "watches")
	flag.Parse()
	o.endpoints = strings.Split(*endpoints, ",")
	if o.connections == 0 {
		o.connections = min(o.clients, 64)
	}
	return o
}

// dial opens connections that are used in turn; each prefers another endpoint, so that all members have clients.
func dial(o options) ([]*clientv3.Client, error) {
	opened := make([]*clientv3.Client, o.connections)
	for i := range opened {
		endpoint := o.endpoints[i%len(o.endpoints)]
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		})
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, err = client.Get(ctx, "load/")
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", endpoint, err)
		}
		opened[i] = client
	}
	return opened, nil
}

func run(o options) (result, error) {
	connections, err := dial(o)
	if err != nil {
		return result{}, err
	}
	switch o.work {
	case "watch":
		return fanOut(o, connections)
	case "watches":
		return many(o, connections)
	}
	request, err := requestOf(o)
	if err != nil {
		return result{}, err
	}
	if strings.HasPrefix(o.work, "get") {
		if err := fill(o, connections[0]); err != nil {
			return result{}, err
		}
	}
	return requests(o, connections, request), nil
}

func main() {
	found, err := run(read())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}
