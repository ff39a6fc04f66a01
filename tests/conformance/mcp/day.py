"""A day through MCP, the same for every client in Python: list, call, fail, retry, confirm."""
import json
import uuid


def read(result):
    """The JSON of a result's text, which an assistant reads; it comes once, not as structured content too."""
    assert result.structured_content is None, result
    return json.loads(result.content[0].text)


async def day(list_tools, call, name, confirms):
    """Runs the day; `confirms` says that the client can ask its person, so that no flag is sent."""

    async def make(tool, again=None, **given):
        result = await call(tool, given | {"idempotencyKey": f"{name}-{again or uuid.uuid4()}"})
        assert not result.is_error, (tool, result.content)
        return read(result)

    tools = await list_tools()
    assert 0 < len(tools) <= 20, len(tools)
    assert read(await call("get_me", {}))["role"] == "MANAGER"

    # A retry with the same key is one client.
    wanted = {"name": f"Globex {name}", "defaultRate": "120.00"}
    client = await make("create_client", again="client", **wanted)
    again = await make("create_client", again="client", **wanted)
    assert again["id"] == client["id"] and again["replayed"] is True, again

    # Names stand for ids.
    project = await make("create_project", clientId=client["name"], name=f"Website {name}")
    task = await make("create_task", projectId=project["name"], name="Wireframes", tags=["design"])
    given = {"projectId": project["name"], "taskId": task["name"], "entryDate": "2026-06-11"}
    entry = await make("create_time_entry", duration="1h30m", note="Wireframes", **given)
    assert entry["durationSeconds"] == 5400, entry
    await make("start_timer", projectId=project["id"])
    assert (await make("stop_timer"))["projectId"] == project["id"]

    # A problem is an answer with a next step, not an exception.
    wrong = await call("create_time_entry", {"projectId": project["id"], "idempotencyKey": f"{name}-wrong"})
    assert wrong.is_error, wrong
    why = read(wrong)
    assert why["code"] == "validation_error" and why["fields"]["entryDate"] and why["next"], why

    report = read(await call("time_report", {"groupBy": ["project"], "projectId": project["name"]}))
    assert report["total"]["billableSeconds"] >= 5400, report

    # What destroys asks once.
    given = {"id": entry["id"], "idempotencyKey": f"{name}-delete"} | ({} if confirms else {"confirm": True})
    gone = await call("delete_time_entry", given)
    assert not gone.is_error, gone
    print(json.dumps({"tools": len(tools), "project": project["name"]}))
