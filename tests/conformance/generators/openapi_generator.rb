# A day's work with openapi-generator's client for Ruby.  Usage: ruby openapi_generator.rb FOLDER-OF-THE-CLIENT
require 'json'
require 'securerandom'
require 'uri'
$LOAD_PATH.unshift(File.join(ARGV.fetch(0), 'lib'))
require 'openapi_client'

url = URI(ENV.fetch('HOURSMITH_URL'))
OpenapiClient.configure do |settings|
  settings.scheme = url.scheme
  settings.host = "#{url.host}:#{url.port}"
  settings.base_path = '/api/v1'
  # The document's own server is a path, which Ruby's client would take for the host.
  settings.server_index = nil
  settings.access_token = ENV.fetch('HOURSMITH_API_TOKEN')
  # As the client's own page says: a list in a query repeats its name.
  settings.params_encoding = :multi
end

def key = SecureRandom.uuid

def same(left, right, what)
  raise "#{what}: #{left.inspect} is not #{right.inspect}" unless left == right
end

clients = OpenapiClient::ClientsApi.new
projects = OpenapiClient::ProjectsApi.new
tasks = OpenapiClient::TasksApi.new
entries = OpenapiClient::TimeEntriesApi.new

# A retry with the same key is one client.
once = key
wanted = OpenapiClient::CreateClientInput.new(name: 'Globex', currency: 'USD', default_rate: '120.00')
client = clients.create_client(once, wanted).data
again, _status, headers = clients.create_client_with_http_info(once, wanted)
same(again.data.id, client.id, 'id of the retry')
same(headers['Idempotent-Replayed'], 'true', 'the retry says so')

planned = OpenapiClient::CreateProjectInput.new(client_id: client.id, name: 'Website', due_date: Date.new(2026, 9, 30))
project = projects.create_project(key, planned).data
same(project.hourly_rate, '120.00', 'copied rate')
same(project.due_date, Date.new(2026, 9, 30), 'day')
work = OpenapiClient::CreateTaskInput.new(project_id: project.id, name: 'Wireframes', estimated_hours: '12.5', tags: ['design'])
task = tasks.create_task(key, work).data

# A problem names its fields.
begin
  projects.create_project(key, OpenapiClient::CreateProjectInput.new(client_id: project.id, name: 'x'))
  raise 'a wrong client is accepted'
rescue OpenapiClient::ApiError => e
  same(e.code, 422, 'status')
  same(JSON.parse(e.response_body)['error']['fields']['clientId'], 'not found', 'the field')
end

timer = entries.start_timer(key, OpenapiClient::StartTimerInput.new(project_id: project.id, note: 'Call')).data
same(entries.get_running_timer.data.id, timer.id, 'running')
stopped = entries.stop_timer(timer.id, key).data
same(stopped.stopped_at >= stopped.started_at, true, 'stopped')

batch = (1..4).map do |n|
  OpenapiClient::CreateTimeEntryInput.new(project_id: project.id, task_id: task.id, duration_seconds: n * 900, entry_date: Date.new(2026, 6, 10))
end
entries.create_time_entries(key, OpenapiClient::CreateTimeEntriesInput.new(time_entries: batch))

seen = []
cursor = nil
loop do
  query = { project_id: [project.id], limit: 2, sort: OpenapiClient::TimeEntrySort::CREATED_AT_DESC }
  query[:cursor] = cursor if cursor
  page = entries.list_time_entries(query)
  seen += page.data
  cursor = page.pagination.next_cursor
  break if cursor.nil?
end
same(seen.map(&:id).uniq.size, seen.size, 'distinct entries')
puts({ client: client.name, entries: seen.size }.to_json)
