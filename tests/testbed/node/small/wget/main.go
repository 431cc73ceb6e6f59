// As much of wget as `helm test` asks for, with BusyBox's messages:  wget -q -T SECONDS -O - URL
//
// Debian builds BusyBox without wget's time limit; the image that the chart names has it.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	quiet := flag.Bool("q", false, "say nothing but errors")
	seconds := flag.Int("T", 900, "seconds until it gives up")
	output := flag.String("O", "", "where the answer goes; - is standard output")
	flag.Parse()
	if !*quiet || *output != "-" || flag.NArg() != 1 {
		fail("this one knows only: wget -q -T SECONDS -O - URL")
	}
	client := http.Client{Timeout: time.Duration(*seconds) * time.Second}
	answer, err := client.Get(flag.Arg(0))
	if err != nil {
		fail(err)
	}
	if answer.StatusCode != http.StatusOK {
		fail("server returned error: HTTP/1.1", answer.Status)
	}
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		fail(err)
	}
}

func fail(why ...any) {
	fmt.Fprint(os.Stderr, "wget: ", fmt.Sprintln(why...))
	os.Exit(1)
}
