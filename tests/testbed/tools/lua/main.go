// Runs a Lua script on a Kubernetes object as Argo CD does: the same interpreter, the object as the global obj, and of the
// libraries only base, package and table, and time and date of os by require("os"). Argo CD adds nothing else to resource
// actions, nor to health checks unless an administrator allows it.
//
// Standard input: {"script": "…", "obj": {…}}. Standard output: the returned table as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "lua:", err)
		os.Exit(1)
	}
}

func run() error {
	var input struct {
		Script string          `json:"script"`
		Obj    json.RawMessage `json:"obj"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		return err
	}
	state, err := sandbox()
	if err != nil {
		return err
	}
	defer state.Close()
	obj, err := luajson.Decode(state, input.Obj)
	if err != nil {
		return err
	}
	state.SetGlobal("obj", obj)
	// Argo CD's limit.
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	if err := state.DoString(input.Script); err != nil {
		return err
	}
	result := state.Get(-1)
	if result.Type() != lua.LTTable {
		return fmt.Errorf("the script returned %s, not a table", result.Type())
	}
	output, err := luajson.Encode(result)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(output)
	return err
}

func sandbox() (*lua.LState, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		opening := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(opening, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, safeOS)
	return state, nil
}

// safeOS is the os library with two functions and none of the others.
func safeOS(state *lua.LState) int {
	lua.OpenOs(state)
	library := state.CheckTable(-1)
	state.SetGlobal(lua.OsLibName, lua.LNil)
	var others []lua.LValue
	library.ForEach(func(name, _ lua.LValue) {
		if name != lua.LString("time") && name != lua.LString("date") {
			others = append(others, name)
		}
	})
	for _, name := range others {
		library.RawSet(name, lua.LNil)
	}
	return 1
}
