"""A day's work with openapi-python-client's client, the package `hoursmith_client` of a folder.  Usage: python … FOLDER"""
import json
import os
import sys
import uuid
from datetime import date

sys.path.insert(0, sys.argv[1])
from hoursmith_client import AuthenticatedClient
from hoursmith_client.api.clients import create_client
from hoursmith_client.api.projects import create_project
from hoursmith_client.api.tasks import create_task
from hoursmith_client.api.time_entries import create_time_entries, get_running_timer, list_time_entries, start_timer, stop_timer
from hoursmith_client.models import (
    CreateClientInput, CreateProjectInput, CreateTaskInput, CreateTimeEntriesInput, CreateTimeEntryInput, ErrorAnswer,
    StartTimerInput, TimeEntrySort,
)
from hoursmith_client.types import UNSET

http = AuthenticatedClient(base_url=os.environ["HOURSMITH_URL"] + "/api/v1", token=os.environ["HOURSMITH_API_TOKEN"])


def make(operation, body, key=None, **more):
    answer = operation.sync_detailed(client=http, idempotency_key=key or str(uuid.uuid4()), body=body, **more)
    return answer, answer.parsed


# A retry with the same key is one client.
once = str(uuid.uuid4())
wanted = CreateClientInput(name="Globex", currency="USD", default_rate="120.00")
client = make(create_client, wanted, once)[1].data
answer, again = make(create_client, wanted, once)
assert again.data.id == client.id and answer.headers["idempotent-replayed"] == "true", answer

project = make(create_project, CreateProjectInput(client_id=client.id, name="Website", due_date=date(2026, 9, 30)))[1].data
assert project.hourly_rate == "120.00" and project.due_date == date(2026, 9, 30), project
task = make(create_task, CreateTaskInput(project_id=project.id, name="Wireframes", estimated_hours="12.5", tags=["design"]))[1].data

# A problem names its fields.
answer, refused = make(create_project, CreateProjectInput(client_id=project.id, name="x"))
assert answer.status_code == 422 and isinstance(refused, ErrorAnswer), answer
assert refused.error.fields["clientId"] == "not found", refused

timer = make(start_timer, StartTimerInput(project_id=project.id, note="Call"))[1].data
assert get_running_timer.sync(client=http).data.id == timer.id
stopped = make(stop_timer, UNSET, id=timer.id)[1].data
assert stopped.stopped_at >= stopped.started_at, stopped

given = {"project_id": project.id, "task_id": task.id, "entry_date": date(2026, 6, 10)}
batch = [CreateTimeEntryInput(duration_seconds=n * 900, **given) for n in range(1, 5)]
make(create_time_entries, CreateTimeEntriesInput(time_entries=batch))

seen, cursor = [], UNSET
while cursor is not None:
    page = list_time_entries.sync(client=http, project_id=[project.id], limit=2, sort=TimeEntrySort.CREATED_AT_DESC, cursor=cursor)
    seen += page.data
    cursor = page.pagination.next_cursor
assert len({entry.id for entry in seen}) == len(seen), seen
print(json.dumps({"client": client.name, "entries": len(seen)}))
