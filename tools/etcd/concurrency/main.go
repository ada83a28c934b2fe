// The concurrency package of etcd's Go client, which most users of locks and elections have: each step says what it saw.
//
//	concurrency -endpoints 127.0.0.1:2379
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/client/v3/leasing"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.uber.org/zap"
)

const (
	contenders = 8
	rounds     = 10
)

type step struct {
	name string
	do   func(ctx context.Context, client *clientv3.Client) (string, error)
}

var steps = []step{
	{"mutex: one at a time", mutex},
	{"mutex: try lock", tryLock},
	{"mutex: lost with its session", lost},
	{"election: campaign, observe, resign", election},
	{"stm: transfers keep the sum", stm},
	{"double barrier: all enter, all leave", barrierOfTwo},
	{"leasing: a cached read sees another's write", leased},
	{"namespace: keys and watches", namespaced},
	{"ordered: a page after a page", pages},
}

func main() {
	endpoints := flag.String("endpoints", "127.0.0.1:2379", "host:port, separated by commas")
	flag.Parse()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: strings.Split(*endpoints, ","), DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, one := range steps {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		saw, err := one.do(ctx, client)
		if err != nil {
			saw = "failed: " + err.Error()
		}
		fmt.Printf("%s: %s\n", one.name, saw)
		cancel()
	}
}

// together runs do in as many goroutines as there are contenders, each with a session of its own.
func together(client *clientv3.Client, do func(n int, session *concurrency.Session) error) error {
	problems := make([]error, contenders)
	var group sync.WaitGroup
	for n := range contenders {
		group.Go(func() {
			session, err := concurrency.NewSession(client, concurrency.WithTTL(20))
			if err != nil {
				problems[n] = err
				return
			}
			problems[n] = errors.Join(do(n, session), session.Close())
		})
	}
	group.Wait()
	return errors.Join(problems...)
}

// mutex counts without atomics under the lock: whoever is let in beside another loses an increment.
func mutex(ctx context.Context, client *clientv3.Client) (string, error) {
	if _, err := client.Put(ctx, "mutex/count", "0"); err != nil {
		return "", err
	}
	err := together(client, func(_ int, session *concurrency.Session) error {
		lock := concurrency.NewMutex(session, "mutex/lock")
		for range rounds {
			if err := lock.Lock(ctx); err != nil {
				return err
			}
			if err := increment(ctx, client, "mutex/count"); err != nil {
				return err
			}
			if err := lock.Unlock(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return value(ctx, client, "mutex/count")
}

func increment(ctx context.Context, client *clientv3.Client, key string) error {
	text, err := value(ctx, client, key)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	_, err = client.Put(ctx, key, strconv.Itoa(count+1))
	return err
}

func value(ctx context.Context, client *clientv3.Client, key string) (string, error) {
	answer, err := client.Get(ctx, key)
	if err != nil || len(answer.Kvs) == 0 {
		return "", errors.Join(err, fmt.Errorf("%d keys", len(answer.Kvs)))
	}
	return string(answer.Kvs[0].Value), nil
}

func tryLock(ctx context.Context, client *clientv3.Client) (string, error) {
	first, err := concurrency.NewSession(client)
	if err != nil {
		return "", err
	}
	second, err := concurrency.NewSession(client)
	if err != nil {
		return "", err
	}
	one, other := concurrency.NewMutex(first, "try/lock"), concurrency.NewMutex(second, "try/lock")
	if err := one.TryLock(ctx); err != nil {
		return "", err
	}
	refused := other.TryLock(ctx)
	if err := one.Unlock(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%v, then %v", refused, other.TryLock(ctx)), errors.Join(first.Close(), second.Close())
}

// lost revokes the lease of the holder: the next in line has the lock, and the holder's session says that it is over.
func lost(ctx context.Context, client *clientv3.Client) (string, error) {
	holder, err := concurrency.NewSession(client)
	if err != nil {
		return "", err
	}
	next, err := concurrency.NewSession(client)
	if err != nil {
		return "", err
	}
	if err := concurrency.NewMutex(holder, "lost/lock").Lock(ctx); err != nil {
		return "", err
	}
	waits := make(chan error, 1)
	go func() { waits <- concurrency.NewMutex(next, "lost/lock").Lock(ctx) }()
	if _, err := client.Revoke(ctx, holder.Lease()); err != nil {
		return "", err
	}
	if err := <-waits; err != nil {
		return "", err
	}
	select {
	case <-holder.Done():
		return "told, and taken over", next.Close()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func election(ctx context.Context, client *clientv3.Client) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, err := concurrency.NewSession(client)
	if err != nil {
		return "", err
	}
	second, err := concurrency.NewSession(client)
	if err != nil {
		return "", err
	}
	one, other := concurrency.NewElection(first, "election"), concurrency.NewElection(second, "election")
	seen := one.Observe(ctx)
	if err := one.Campaign(ctx, "one"); err != nil {
		return "", err
	}
	saw := []string{string((<-seen).Kvs[0].Value)}
	if err := one.Proclaim(ctx, "one again"); err != nil {
		return "", err
	}
	saw = append(saw, string((<-seen).Kvs[0].Value))
	waits := make(chan error, 1)
	go func() { waits <- other.Campaign(ctx, "other") }()
	if err := one.Resign(ctx); err != nil {
		return "", err
	}
	if err := <-waits; err != nil {
		return "", err
	}
	saw = append(saw, string((<-seen).Kvs[0].Value))
	leader, err := other.Leader(ctx)
	if err != nil {
		return "", err
	}
	return strings.Join(append(saw, string(leader.Kvs[0].Value)), ", "), errors.Join(first.Close(), second.Close())
}

func stm(ctx context.Context, client *clientv3.Client) (string, error) {
	const accounts = 4
	for n := range accounts {
		if _, err := client.Put(ctx, fmt.Sprintf("stm/%d", n), "100"); err != nil {
			return "", err
		}
	}
	err := together(client, func(n int, _ *concurrency.Session) error {
		for round := range rounds {
			from, to := fmt.Sprintf("stm/%d", n%accounts), fmt.Sprintf("stm/%d", (n+round+1)%accounts)
			if from == to {
				continue
			}
			_, err := concurrency.NewSTM(client, func(s concurrency.STM) error {
				has, err := strconv.Atoi(s.Get(from))
				if err != nil {
					return err
				}
				gets, err := strconv.Atoi(s.Get(to))
				if err != nil {
					return err
				}
				s.Put(from, strconv.Itoa(has-1))
				s.Put(to, strconv.Itoa(gets+1))
				return nil
			}, concurrency.WithIsolation(concurrency.SerializableSnapshot), concurrency.WithAbortContext(ctx))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	answer, err := client.Get(ctx, "stm/", clientv3.WithPrefix())
	if err != nil {
		return "", err
	}
	sum := 0
	for _, pair := range answer.Kvs {
		has, err := strconv.Atoi(string(pair.Value))
		if err != nil {
			return "", err
		}
		sum += has
	}
	return strconv.Itoa(sum), nil
}

// barrierOfTwo needs keys' creation order and deletions seen by watches, written as the recipes of etcd have it.
func barrierOfTwo(ctx context.Context, client *clientv3.Client) (string, error) {
	err := together(client, func(n int, session *concurrency.Session) error {
		key := fmt.Sprintf("barrier/%d", n)
		if _, err := client.Put(ctx, key, "", clientv3.WithLease(session.Lease())); err != nil {
			return err
		}
		if err := countIs(ctx, client, "barrier/", contenders); err != nil {
			return err
		}
		if _, err := client.Put(ctx, fmt.Sprintf("passed/%d", n), ""); err != nil {
			return err
		}
		if err := countIs(ctx, client, "passed/", contenders); err != nil {
			return err
		}
		_, err := client.Delete(ctx, key)
		return errors.Join(err, countIs(ctx, client, "barrier/", 0))
	})
	return "all", err
}

// countIs waits until so many keys have the prefix.
func countIs(ctx context.Context, client *clientv3.Client, prefix string, wanted int64) error {
	answer, err := client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil || answer.Count == wanted {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(answer.Header.Revision+1)) {
		answer, err = client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil || answer.Count == wanted {
			return err
		}
	}
	return ctx.Err()
}

func leased(ctx context.Context, client *clientv3.Client) (string, error) {
	cached, closeCached, err := leasing.NewKV(client, "leasing/")
	if err != nil {
		return "", err
	}
	defer closeCached()
	if _, err := cached.Put(ctx, "leased", "old"); err != nil {
		return "", err
	}
	before, err := cached.Get(ctx, "leased")
	if err != nil {
		return "", err
	}
	other, closeOther, err := leasing.NewKV(client, "leasing/")
	if err != nil {
		return "", err
	}
	defer closeOther()
	if _, err := other.Put(ctx, "leased", "new"); err != nil {
		return "", err
	}
	after, err := cached.Get(ctx, "leased")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, then %s", before.Kvs[0].Value, after.Kvs[0].Value), nil
}

func namespaced(ctx context.Context, client *clientv3.Client) (string, error) {
	within, watcher := namespace.NewKV(client.KV, "app/"), namespace.NewWatcher(client.Watcher, "app/")
	events := watcher.Watch(ctx, "", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	if opened := <-events; !opened.Created {
		return "", opened.Err()
	}
	if _, err := within.Put(ctx, "key", "v"); err != nil {
		return "", err
	}
	if _, err := client.Put(ctx, "elsewhere", "v"); err != nil {
		return "", err
	}
	if _, err := within.Delete(ctx, "", clientv3.WithPrefix()); err != nil {
		return "", err
	}
	var saw []string
	for len(saw) < 2 {
		answer, open := <-events
		if !open {
			return "", ctx.Err()
		}
		for _, event := range answer.Events {
			saw = append(saw, fmt.Sprintf("%s %s", event.Type, event.Kv.Key))
		}
	}
	outside, err := client.Get(ctx, "elsewhere", clientv3.WithCountOnly())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; %d outside", strings.Join(saw, ", "), outside.Count), nil
}

// pages reads all keys by limit, each page as of the first one's revision, while another writes.
func pages(ctx context.Context, client *clientv3.Client) (string, error) {
	for n := range 25 {
		if _, err := client.Put(ctx, fmt.Sprintf("pages/%02d", n), "old"); err != nil {
			return "", err
		}
	}
	next, revision, found := "pages/", int64(0), 0
	for {
		page, err := client.Get(ctx, next, clientv3.WithRange(clientv3.GetPrefixRangeEnd("pages/")),
			clientv3.WithLimit(10), clientv3.WithRev(revision))
		if err != nil {
			return "", err
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		for _, pair := range page.Kvs {
			if string(pair.Value) != "old" {
				return "", fmt.Errorf("%s changed under the reader", pair.Key)
			}
			found++
		}
		if !page.More {
			return strconv.Itoa(found), nil
		}
		next = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		if _, err := client.Put(ctx, fmt.Sprintf("pages/%02d", found), "new"); err != nil {
			return "", err
		}
	}
}
