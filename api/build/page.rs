//! The pages around the guides: a header with search, the guide, and the list of all guides.

use crate::guide::{Entry, Guide, Index};
use crate::markdown::{self, Section, escaped};

/// A guide has a list of its own sections from this many on.
const SECTIONS: usize = 3;

/// The page at `/docs`.
pub fn index(index: &Index, guides: &[Guide]) -> String {
    let mut main = format!("<h1>{}</h1>\n{}", escaped(&index.title), index.introduction);
    for group in &index.groups {
        main.push_str(&format!("<h2>{}</h2>\n<ul class=\"cards\">\n", escaped(&group.title)));
        for Entry { name, title, about } in &group.entries {
            let (title, about) = (escaped(title), plain(about));
            main.push_str(&format!(
                "<li><a href=\"/docs/{name}\"><strong>{title}</strong> <span>{about}</span></a></li>\n"
            ));
        }
        main.push_str("</ul>\n");
    }
    layout(index, guides, None, &index.title, &main)
}

/// The page of all headings, which is the search of those who browse without script.
pub fn topics(index: &Index, guides: &[Guide]) -> String {
    let mut main = String::from("<h1>All topics</h1>\n<p>Every section of every guide.</p>\n");
    for guide in guides {
        main.push_str(&format!("<h2><a href=\"/docs/{}\">{}</a></h2>\n<ul>\n", guide.name, escaped(&guide.title)));
        for section in guide.body.sections.iter().filter(|section| section.level > 0) {
            main.push_str(&format!("<li class=\"level-{}\">{}</li>\n", section.level, link(&guide.name, section)));
        }
        main.push_str("</ul>\n");
    }
    layout(index, guides, None, "All topics", &main)
}

/// The page of one guide.
pub fn guide(index: &Index, guides: &[Guide], guide: &Guide) -> String {
    let sections: Vec<_> = guide.body.sections.iter().filter(|section| section.level == 2).collect();
    let mut main = format!("<h1>{}</h1>\n", escaped(&guide.title));
    if sections.len() >= SECTIONS {
        main.push_str("<nav class=\"sections\" aria-label=\"On this page\">\n<ul>\n");
        for section in sections {
            main.push_str(&format!("<li><a href=\"#{}\">{}</a></li>\n", section.anchor, escaped(&section.heading)));
        }
        main.push_str("</ul>\n</nav>\n");
    }
    main.push_str(&guide.body.html);
    let [before, _, after] = index.around(&guide.name);
    main.push_str("<nav class=\"neighbours\" aria-label=\"Next guides\">\n");
    for (entry, label) in [(before, "Previous"), (after, "Next")] {
        if let Some(Entry { name, title, .. }) = entry {
            main.push_str(&format!("<a href=\"/docs/{name}\">{label}: {}</a>\n", escaped(title)));
        }
    }
    main.push_str("</nav>\n");
    layout(index, guides, Some(guide), &guide.title, &main)
}

/// What is answered to a person where there is no page.
pub fn not_found(index: &Index, guides: &[Guide]) -> String {
    let main = "<h1>Not found</h1>\n<p>There is no page at this address. Search the guides above, or begin at one of these:</p>\n\
                <ul>\n<li><a href=\"/docs\">Guides</a></li>\n<li><a href=\"/api-docs\">REST reference</a>, whose paths begin with \
                <code>/api/v1</code></li>\n<li><a href=\"/graphiql\">GraphiQL</a></li>\n<li><a href=\"/settings\">Settings</a></li>\n\
                <li><a href=\"/\">Home</a></li>\n</ul>\n";
    layout(index, guides, None, "Not found", main)
}

/// The list of all guides as Markdown (llmstxt.org); each is there as text too.
pub fn llms(index: &Index) -> String {
    let mut text = String::from(
        "# Hoursmith\n\n> Time tracking and billing over REST, GraphQL, MCP and webhooks, with one API token.\n\n\
         The OpenAPI document is at /api/openapi.json, the GraphQL schema at /graphql/schema.graphql.\n",
    );
    for group in &index.groups {
        text.push_str(&format!("\n## {}\n\n", group.title));
        for Entry { name, title, about } in &group.entries {
            text.push_str(&format!("- [{title}](/docs/{name}.md): {about}\n"));
        }
    }
    text
}

fn link(name: &str, section: &Section) -> String {
    format!("<a href=\"/docs/{name}#{}\">{}</a>", section.anchor, escaped(&section.heading))
}

/// One line of Markdown without the paragraph around it, and without links.
fn plain(line: &str) -> String {
    let html = markdown::render(line, &[]).html;
    html.trim().trim_start_matches("<p>").trim_end_matches("</p>").to_owned()
}

fn layout(index: &Index, guides: &[Guide], current: Option<&Guide>, title: &str, main: &str) -> String {
    let mut list = String::new();
    for group in &index.groups {
        list.push_str(&format!("<p>{}</p>\n<ul>\n", escaped(&group.title)));
        for Entry { name, title, .. } in &group.entries {
            let is_current = current.is_some_and(|guide| guide.name == *name);
            let mark = if is_current { " aria-current=\"page\"" } else { "" };
            list.push_str(&format!("<li><a href=\"/docs/{name}\"{mark}>{}</a></li>\n", escaped(title)));
        }
        list.push_str("</ul>\n");
    }
    let title = escaped(title);
    let count = guides.len();
    let as_text = current
        .map(|guide| format!("\n    <link rel=\"alternate\" type=\"text/markdown\" href=\"/docs/{}.md\">", guide.name));
    let as_text = as_text.unwrap_or_default();
    format!(
        r##"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title} – Hoursmith</title>
    <link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">{as_text}
    <link rel="stylesheet" href="/assets/theme.css">
    <link rel="stylesheet" href="/assets/docs.css">
    <script src="/assets/docs.js" defer></script>
  </head>
  <body>
    <a class="skip" href="#content">Skip to the content</a>
    <header>
      <a class="home" href="/"><img src="/assets/favicon.svg" alt="" width="24" height="24"> Hoursmith</a>
      <nav aria-label="The API">
        <a href="/docs">Guides</a>
        <a href="/api-docs">REST reference</a>
        <a href="/graphiql">GraphiQL</a>
        <a href="/settings">Settings</a>
        <a class="narrow" href="#guides">All guides ↓</a>
      </nav>
      <form id="search" role="search" hidden>
        <label for="search-for" class="hidden">Search the guides</label>
        <input id="search-for" type="search" placeholder="Search the guides" autocomplete="off" spellcheck="false" aria-describedby="search-status">
        <p id="search-status" role="status" class="hidden"></p>
        <ol id="search-found" hidden></ol>
      </form>
    </header>
    <main id="content" tabindex="-1">
{main}    </main>
    <nav id="guides" aria-label="All {count} guides">
{list}<p><a href="/docs/all-topics">All topics</a></p>
    </nav>
  </body>
</html>
"##
    )
}
