// Command pause holds a pod's namespaces open until it is told to end.
//
// With arguments it is a program that ends by itself, for the pods of Jobs: `pause exit STATUS LINE...` writes the lines and
// exits with the status.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(say(os.Args[1:]))
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}

func say(words []string) int {
	if len(words) > 1 && words[0] == "exit" {
		if status, err := strconv.Atoi(words[1]); err == nil {
			for _, line := range words[2:] {
				fmt.Println(line)
			}
			return status
		}
	}
	fmt.Fprintln(os.Stderr, "usage: pause [exit STATUS [LINE...]]")
	return 64
}
