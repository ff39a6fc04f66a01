// A day's work with openapi-generator's client for Go, which is the package `openapi` of this module.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	openapi "hoursmith.test/client"
)

var keys int

// key makes an idempotency key that no other request of this run has.
func key() string {
	keys++
	return fmt.Sprintf("go-%d-%d", time.Now().UnixNano(), keys)
}

func sure[T any](value T, err error) T {
	if err != nil {
		log.Panic(err)
	}
	return value
}

func same(left any, right any, what string) {
	if left != right {
		log.Panicf("%s: %v is not %v", what, left, right)
	}
}

func main() {
	settings := openapi.NewConfiguration()
	settings.Servers = openapi.ServerConfigurations{{URL: os.Getenv("HOURSMITH_URL") + "/api/v1"}}
	ctx := context.WithValue(context.Background(), openapi.ContextAccessToken, os.Getenv("HOURSMITH_API_TOKEN"))
	api := openapi.NewAPIClient(settings)

	// A retry with the same key is one client.
	wanted := openapi.NewCreateClientInput("Globex")
	wanted.SetCurrency("USD")
	wanted.SetDefaultRate("120.00")
	once := key()
	create := api.ClientsAPI.CreateClient(ctx).IdempotencyKey(once).CreateClientInput(*wanted)
	made, _, err := create.Execute()
	client := sure(made, err).Data
	again, response, err := create.Execute()
	same(sure(again, err).Data.Id, client.Id, "id of the retry")
	same(response.Header.Get("Idempotent-Replayed"), "true", "the retry says so")

	input := openapi.NewCreateProjectInput(client.Id, "Website")
	input.SetDueDate("2026-09-30")
	planned, _, err := api.ProjectsAPI.CreateProject(ctx).IdempotencyKey(key()).CreateProjectInput(*input).Execute()
	project := sure(planned, err).Data
	same(project.GetHourlyRate(), "120.00", "copied rate")
	same(project.GetDueDate(), "2026-09-30", "day")
	work := openapi.NewCreateTaskInput(project.Id, "Wireframes")
	work.SetEstimatedHours("12.5")
	work.SetTags([]string{"design"})
	tasked, _, err := api.TasksAPI.CreateTask(ctx).IdempotencyKey(key()).CreateTaskInput(*work).Execute()
	task := sure(tasked, err).Data

	// A problem names its fields.
	wrong := openapi.NewCreateProjectInput(project.Id, "x")
	_, _, err = api.ProjectsAPI.CreateProject(ctx).IdempotencyKey(key()).CreateProjectInput(*wrong).Execute()
	var refused *openapi.GenericOpenAPIError
	if !errors.As(err, &refused) {
		log.Panicf("not refused: %v", err)
	}
	var answer openapi.ErrorAnswer
	sure(0, json.Unmarshal(refused.Body(), &answer))
	same(string(answer.Error.Code), "validation_error", "code")
	if !strings.Contains(string(refused.Body()), `"clientId":"not found"`) {
		log.Panic(string(refused.Body()))
	}

	started, _, err := api.TimeEntriesAPI.StartTimer(ctx).IdempotencyKey(key()).StartTimerInput(*openapi.NewStartTimerInput(project.Id)).Execute()
	timer := sure(started, err).Data
	running, _, err := api.TimeEntriesAPI.GetRunningTimer(ctx).Execute()
	now := sure(running, err).Data.Get()
	same(now.Id, timer.Id, "running")
	ended, _, err := api.TimeEntriesAPI.StopTimer(ctx, timer.Id).IdempotencyKey(key()).Execute()
	same(sure(ended, err).Data.StoppedAt.IsSet(), true, "stopped")

	var batch []openapi.CreateTimeEntryInput
	for n := int32(1); n <= 4; n++ {
		entry := openapi.NewCreateTimeEntryInput(project.Id)
		entry.SetTaskId(task.Id)
		entry.SetDurationSeconds(n * 900)
		entry.SetEntryDate("2026-06-10")
		batch = append(batch, *entry)
	}
	all := openapi.NewCreateTimeEntriesInput(batch)
	_, _, err = api.TimeEntriesAPI.CreateTimeEntries(ctx).IdempotencyKey(key()).CreateTimeEntriesInput(*all).Execute()
	sure(0, err)

	seen := map[string]bool{}
	list := api.TimeEntriesAPI.ListTimeEntries(ctx).ProjectId([]string{project.Id}).Limit(2).Sort(openapi.TIMEENTRYSORT_CREATED_AT_DESC)
	for {
		page, _, err := list.Execute()
		for _, entry := range sure(page, err).Data {
			seen[entry.Id] = true
		}
		cursor := page.Pagination.NextCursor.Get()
		if cursor == nil {
			break
		}
		list = list.Cursor(*cursor)
	}
	fmt.Println(string(sure(json.Marshal(map[string]any{"client": client.Name, "entries": len(seen)}))))
}
