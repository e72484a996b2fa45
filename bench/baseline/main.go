// Command baseline is what Watchkeeper's informers are measured against: client-go's own, doing the same work. It reads what to do
// from the file that its argument names, and tells of it in lines of JSON; the child in bench/children/watch-kinds.ts does the same.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// started is when this process began, or so soon afterwards that nobody sees a difference.
var started = time.Now()

type resource struct {
	Group    string `json:"group"`
	Version  string `json:"version"`
	Resource string `json:"resource"`
}

type work struct {
	Kubeconfig string     `json:"kubeconfig"`
	Client     string     `json:"client"`
	Kinds      []resource `json:"kinds"`
	SettleMs   int        `json:"settleMs"`
}

// factory is what both kinds of informers have in common.
type factory interface {
	ForResource(schema.GroupVersionResource) informers.GenericInformer
	Start(<-chan struct{})
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var todo work
	if err := json.Unmarshal(text, &todo); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", todo.Kubeconfig)
	if err != nil {
		return err
	}
	// No limit.
	config.QPS = -1
	made, err := factoryOf(todo.Client, config)
	if err != nil {
		return err
	}
	before := heap()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Somebody hears of each object, as in every controller.
	var told atomic.Int64
	var synced []cache.InformerSynced
	for _, kind := range todo.Kinds {
		gvr := schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: kind.Resource}
		registration, err := made.ForResource(gvr).Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { told.Add(1) },
		})
		if err != nil {
			return err
		}
		synced = append(synced, registration.HasSynced)
	}
	made.Start(ctx.Done())
	for _, isSynced := range synced {
		for !isSynced() {
			time.Sleep(time.Millisecond)
		}
	}
	say(map[string]any{
		"event":      "Synced",
		"seconds":    time.Since(started).Seconds(),
		"cpuSeconds": cpuSeconds(),
		"objects":    told.Load(),
	})
	time.Sleep(time.Duration(todo.SettleMs) * time.Millisecond)
	after := heap()
	debug.FreeOSMemory()
	say(map[string]any{"event": "Settled", "heapBytes": after - before})
	// Until nobody wants to know more.
	_, err = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(made)
	return err
}

func factoryOf(client string, config *rest.Config) (factory, error) {
	switch client {
	case "metadatainformer":
		made, err := metadata.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		return metadatainformer.NewSharedInformerFactory(made, 0), nil
	case "dynamicinformer":
		made, err := dynamic.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		return dynamicinformer.NewDynamicSharedInformerFactory(made, 0), nil
	}
	return nil, fmt.Errorf("no client is called %q", client)
}

// heap is what is still reachable, in bytes.
func heap() int64 {
	// What finalizers let go of is collected by the second one.
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// cpuSeconds is what this process has taken so far, in all its threads.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
