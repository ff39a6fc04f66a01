"""A day's work with openapi-generator's client for Python.  Usage: python openapi_generator.py FOLDER-OF-THE-CLIENT"""
import json
import os
import sys
import uuid
from datetime import date

sys.path.insert(0, sys.argv[1])
import openapi_client as api

settings = api.Configuration(host=os.environ["HOURSMITH_URL"] + "/api/v1", access_token=os.environ["HOURSMITH_API_TOKEN"])
http = api.ApiClient(settings)
clients, projects = api.ClientsApi(http), api.ProjectsApi(http)
tasks, entries = api.TasksApi(http), api.TimeEntriesApi(http)


def key():
    return str(uuid.uuid4())


# A retry with the same key is one client.
once = key()
wanted = api.CreateClientInput(name="Globex", currency="USD", default_rate="120.00")
client = clients.create_client(once, wanted).data
again = clients.create_client_with_http_info(once, wanted)
assert again.data.data.id == client.id and again.headers["idempotent-replayed"] == "true", again

project = projects.create_project(key(), api.CreateProjectInput(client_id=client.id, name="Website", due_date=date(2026, 9, 30))).data
assert project.hourly_rate == "120.00" and project.due_date == date(2026, 9, 30), project
task = tasks.create_task(key(), api.CreateTaskInput(project_id=project.id, name="Wireframes", estimated_hours="12.5", tags=["design"])).data
assert task.status == api.TaskStatus.TODO, task

# A problem names its fields.
try:
    projects.create_project(key(), api.CreateProjectInput(client_id=project.id, name="x"))
    raise SystemExit("a wrong client is accepted")
except api.exceptions.UnprocessableEntityException as refused:
    answer = json.loads(refused.body)["error"]
    assert answer["code"] == "validation_error" and answer["fields"]["clientId"] == "not found", answer

timer = entries.start_timer(key(), api.StartTimerInput(project_id=project.id, note="Call")).data
assert timer.duration_seconds is None and entries.get_running_timer().data.id == timer.id, timer
stopped = entries.stop_timer(timer.id, key()).data
assert stopped.stopped_at >= stopped.started_at, stopped

day = date(2026, 6, 10)
batch = [api.CreateTimeEntryInput(project_id=project.id, task_id=task.id, duration_seconds=n * 900, entry_date=day) for n in range(1, 5)]
entries.create_time_entries(key(), api.CreateTimeEntriesInput(time_entries=batch))

seen, cursor = [], None
while True:
    page = entries.list_time_entries(project_id=[project.id], limit=2, sort=api.TimeEntrySort.CREATED_AT_DESC, cursor=cursor)
    seen += page.data
    cursor = page.pagination.next_cursor
    if cursor is None:
        break
assert len({entry.id for entry in seen}) == len(seen), seen
print(json.dumps({"client": client.name, "entries": len(seen)}))
