<?php
// A day's work with openapi-generator's client for PHP.  Usage: php openapi_generator.php FOLDER-OF-THE-CLIENT
// Guzzle comes from the system's packages.
require 'GuzzleHttp/autoload.php';
$folder = $argv[1];
spl_autoload_register(function (string $class) use ($folder) {
    $file = $folder . '/lib/' . str_replace('\\', '/', substr($class, strlen('OpenAPI\\Client\\'))) . '.php';
    if (str_starts_with($class, 'OpenAPI\\Client\\') && is_file($file)) {
        require $file;
    }
});

use OpenAPI\Client\Api\{ClientsApi, ProjectsApi, TasksApi, TimeEntriesApi};
use OpenAPI\Client\Model\{CreateClientInput, CreateProjectInput, CreateTaskInput, CreateTimeEntriesInput};
use OpenAPI\Client\Model\{CreateTimeEntryInput, StartTimerInput, TimeEntrySort};

function key_of_its_own(): string
{
    return bin2hex(random_bytes(16));
}

function same($left, $right, string $what): void
{
    if ($left !== $right) {
        throw new Exception("$what: " . json_encode($left) . ' is not ' . json_encode($right));
    }
}

$settings = OpenAPI\Client\Configuration::getDefaultConfiguration()
    ->setHost(getenv('HOURSMITH_URL') . '/api/v1')
    ->setAccessToken(getenv('HOURSMITH_API_TOKEN'));
$http = new GuzzleHttp\Client();
[$clients, $projects] = [new ClientsApi($http, $settings), new ProjectsApi($http, $settings)];
[$tasks, $entries] = [new TasksApi($http, $settings), new TimeEntriesApi($http, $settings)];

// A retry with the same key is one client.
$once = key_of_its_own();
$wanted = new CreateClientInput(['name' => 'Globex', 'currency' => 'USD', 'default_rate' => '120.00']);
$client = $clients->createClient($once, $wanted)->getData();
[$again, , $headers] = $clients->createClientWithHttpInfo($once, $wanted);
same($again->getData()->getId(), $client->getId(), 'id of the retry');
same(array_change_key_case($headers)['idempotent-replayed'][0], 'true', 'the retry says so');

$due = new DateTime('2026-09-30');
$planned = new CreateProjectInput(['client_id' => $client->getId(), 'name' => 'Website', 'due_date' => $due]);
$project = $projects->createProject(key_of_its_own(), $planned)->getData();
same($project->getHourlyRate(), '120.00', 'copied rate');
same($project->getDueDate()->format('Y-m-d'), '2026-09-30', 'day');
$work = new CreateTaskInput(['project_id' => $project->getId(), 'name' => 'Wireframes', 'estimated_hours' => '12.5', 'tags' => ['design']]);
$task = $tasks->createTask(key_of_its_own(), $work)->getData();

// A problem names its fields.
try {
    $projects->createProject(key_of_its_own(), new CreateProjectInput(['client_id' => $project->getId(), 'name' => 'x']));
    throw new Exception('a wrong client is accepted');
} catch (OpenAPI\Client\ApiException $refused) {
    same($refused->getCode(), 422, 'status');
    same(json_decode($refused->getResponseBody())->error->fields->clientId, 'not found', 'the field');
}

$timer = $entries->startTimer(key_of_its_own(), new StartTimerInput(['project_id' => $project->getId(), 'note' => 'Call']))->getData();
same($entries->getRunningTimer()->getData()->getId(), $timer->getId(), 'running');
$stopped = $entries->stopTimer($timer->getId(), key_of_its_own())->getData();
same($stopped->getStoppedAt() >= $stopped->getStartedAt(), true, 'stopped');

$given = ['project_id' => $project->getId(), 'task_id' => $task->getId(), 'entry_date' => new DateTime('2026-06-10')];
$batch = array_map(fn (int $n) => new CreateTimeEntryInput($given + ['duration_seconds' => $n * 900]), [1, 2, 3, 4]);
$entries->createTimeEntries(key_of_its_own(), new CreateTimeEntriesInput(['time_entries' => $batch]));

$seen = [];
$cursor = null;
do {
    $page = $entries->listTimeEntries(limit: 2, cursor: $cursor, sort: TimeEntrySort::CREATED_AT_DESC, project_id: [$project->getId()]);
    foreach ($page->getData() as $entry) {
        $seen[$entry->getId()] = true;
    }
    $cursor = $page->getPagination()->getNextCursor();
} while ($cursor !== null);
echo json_encode(['client' => $client->getName(), 'entries' => count($seen)]), "\n";
