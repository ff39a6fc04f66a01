// A day's work with openapi-generator's client for Java, library `native`.

import java.net.URI;
import java.time.LocalDate;
import java.util.*;
import java.util.stream.IntStream;
import org.openapitools.client.*;
import org.openapitools.client.api.*;
import org.openapitools.client.model.*;

final class Day {
    private static String key() {
        return UUID.randomUUID().toString();
    }

    private static void same(Object left, Object right, String what) {
        if (!Objects.equals(left, right)) {
            throw new IllegalStateException(what + ": " + left + " is not " + right);
        }
    }

    public static void main(String[] arguments) throws Exception {
        var http = new ApiClient();
        http.updateBaseUri(System.getenv("HOURSMITH_URL") + "/api/v1");
        var bearer = "Bearer " + System.getenv("HOURSMITH_API_TOKEN");
        http.setRequestInterceptor(request -> request.header("Authorization", bearer));
        var clients = new ClientsApi(http);
        var projects = new ProjectsApi(http);
        var tasks = new TasksApi(http);
        var entries = new TimeEntriesApi(http);

        // A retry with the same key is one client.
        var once = key();
        var wanted = new CreateClientInput().name("Globex").currency("USD").defaultRate("120.00");
        var client = clients.createClient(once, wanted).getData();
        var again = clients.createClientWithHttpInfo(once, wanted);
        same(again.getData().getData().getId(), client.getId(), "id of the retry");
        same(again.getHeaders().get("idempotent-replayed"), List.of("true"), "the retry says so");

        var due = LocalDate.of(2026, 9, 30);
        var planned = new CreateProjectInput().clientId(client.getId()).name("Website").dueDate(due);
        var project = projects.createProject(key(), planned).getData();
        same(project.getHourlyRate(), "120.00", "copied rate");
        same(project.getDueDate(), due, "day");
        var work = new CreateTaskInput().projectId(project.getId()).name("Wireframes").estimatedHours("12.5").tags(List.of("design"));
        var task = tasks.createTask(key(), work).getData();

        // A problem names its fields.
        try {
            projects.createProject(key(), new CreateProjectInput().clientId(project.getId()).name("x"));
            throw new IllegalStateException("a wrong client is accepted");
        } catch (ApiException refused) {
            same(refused.getCode(), 422, "status");
            var answer = ApiClient.createDefaultObjectMapper().readValue(refused.getResponseBody(), ErrorAnswer.class);
            same(answer.getError().getFields().get("clientId"), "not found", "the field");
        }

        var timer = entries.startTimer(key(), new StartTimerInput().projectId(project.getId()).note("Call")).getData();
        same(entries.getRunningTimer().getData().getId(), timer.getId(), "running");
        var stopped = entries.stopTimer(timer.getId(), key(), null).getData();
        same(stopped.getStoppedAt().isBefore(stopped.getStartedAt()), false, "stopped");

        var day = LocalDate.of(2026, 6, 10);
        var batch = IntStream.rangeClosed(1, 4)
            .mapToObj(n -> new CreateTimeEntryInput().projectId(project.getId()).taskId(task.getId()).durationSeconds(n * 900).entryDate(day))
            .toList();
        entries.createTimeEntries(key(), new CreateTimeEntriesInput().timeEntries(batch));

        var seen = new HashSet<UUID>();
        String cursor = null;
        do {
            var page = entries.listTimeEntries(2, cursor, TimeEntrySort.CREATED_AT_DESC, null, null, null, null, null,
                List.of(project.getId()), null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
            page.getData().forEach(entry -> seen.add(entry.getId()));
            cursor = page.getPagination().getNextCursor();
        } while (cursor != null);
        System.out.println("{\"client\": \"" + client.getName() + "\", \"entries\": " + seen.size() + "}");
    }
}
