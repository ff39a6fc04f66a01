//! From Markdown to HTML: headings with anchors, links of the repository as links of the server, tables and code that
//! scroll on a narrow screen.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::guide::Anchors;

/// Paths of this server that become links where they stand in backticks.
const PLACES: [&str; 10] = [
    "/api-docs",
    "/graphiql",
    "/settings",
    "/settings/api",
    "/api/openapi.json",
    "/api/openapi.yaml",
    "/api/openapi-3.0.json",
    "/graphql/schema.graphql",
    "/docs",
    "/llms.txt",
];

/// A rendered text.
pub struct Rendered {
    /// Its HTML.
    pub html: String,
    /// Its sections, each with what stands under its heading. The first one has no heading.
    pub sections: Vec<Section>,
}

/// What stands under one heading.
#[derive(Default)]
pub struct Section {
    /// 2 for `##`, 3 for `###`; 0 above the first heading.
    pub level: u8,
    /// The text of the heading.
    pub heading: String,
    /// The anchor of the heading.
    pub anchor: String,
    /// The text below it, without markup.
    pub text: String,
}

/// Renders a text; `published` are the names and titles of the guides that a link may lead to.
pub fn render<'a>(text: &'a str, published: &'a [(String, String)]) -> Rendered {
    let mut renderer = Renderer { published, sections: vec![Section::default()], ..Renderer::default() };
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        renderer.take(event);
    }
    let mut out = String::new();
    html::push_html(&mut out, renderer.events.into_iter());
    Rendered { html: out, sections: renderer.sections }
}

#[derive(Default)]
struct Renderer<'a> {
    published: &'a [(String, String)],
    events: Vec<Event<'a>>,
    sections: Vec<Section>,
    anchors: Anchors,
    /// Where the events of the heading being read begin.
    heading: Option<usize>,
    /// Whether a link is open, and whether it leads anywhere on the server.
    link: Option<bool>,
    /// Whether a block of code is being read.
    code: bool,
    /// The address of the picture whose description is being read, with what was read of it.
    picture: Option<(String, String)>,
}

impl<'a> Renderer<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some(self.events.len());
                self.sections.push(Section { level: number(level), ..Section::default() });
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let target = self.target(&dest_url);
                self.link = Some(target.is_some());
                if let Some(target) = target {
                    self.raw(format!("<a href=\"{}\">", escaped(&target)));
                }
            }
            Event::End(TagEnd::Link) => {
                if self.link.take() == Some(true) {
                    self.raw("</a>".into());
                }
            }
            Event::Start(Tag::Image { dest_url, .. }) => self.picture = Some((dest_url.into_string(), String::new())),
            Event::End(TagEnd::Image) => {
                if let Some((address, about)) = self.picture.take() {
                    let (address, about) = (escaped(&address), escaped(&about));
                    self.raw(format!("<img src=\"/docs/{address}\" alt=\"{about}\" loading=\"lazy\">"));
                }
            }
            Event::Text(text) if self.picture.is_some() => {
                if let Some((_, about)) = &mut self.picture {
                    about.push_str(&text);
                }
            }
            Event::Start(Tag::Table(columns)) => {
                self.raw("<div class=\"scroll\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">".into());
                self.events.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                self.events.push(Event::End(TagEnd::Table));
                self.raw("</div>".into());
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = true;
                self.raw(format!("<pre tabindex=\"0\"><code class=\"language-{}\">", escaped(&language)));
            }
            Event::End(TagEnd::CodeBlock) => {
                self.code = false;
                self.raw("</code></pre>\n".into());
            }
            Event::Code(code) => {
                self.note(&code);
                let path = code.split(['#', '?']).next().unwrap_or_default();
                if self.link.is_none() && self.heading.is_none() && PLACES.contains(&path) {
                    self.raw(format!("<a href=\"{0}\"><code>{0}</code></a>", escaped(&code)));
                } else if code.starts_with("--") && !code.contains(' ') {
                    // A browser would break a flag at its hyphens.
                    self.raw(format!("<code class=\"flag\">{}</code>", escaped(&code)));
                } else if code.starts_with("HOURSMITH_") && !code.contains(' ') {
                    // And it would break a long variable nowhere.
                    self.raw(format!("<code>{}</code>", escaped(&code).replace('_', "_<wbr>")));
                } else {
                    self.events.push(Event::Code(code));
                }
            }
            Event::Text(text) => {
                // A link that shows the name of a file shows the title of the page.
                let title = text.strip_suffix(".md").filter(|_| self.link.is_some()).and_then(|name| self.title(name));
                let text = title.map_or(text, CowStr::from);
                self.note(&text);
                if self.code { self.raw(escaped(&text)) } else { self.events.push(Event::Text(text)) }
            }
            Event::SoftBreak | Event::HardBreak | Event::End(_) => {
                self.note(" ");
                self.events.push(event);
            }
            _ => self.events.push(event),
        }
    }

    /// Wraps the heading that ends here, whose text is complete.
    fn end_heading(&mut self) {
        let Some((section, at)) = self.sections.last_mut().zip(self.heading.take()) else { return };
        section.heading = section.heading.trim().to_owned();
        section.anchor = self.anchors.next(&section.heading);
        let (level, anchor) = (section.level, escaped(&section.anchor));
        let open = format!("<h{level} id=\"{anchor}\">");
        let label = escaped(&section.heading);
        let close =
            format!(" <a class=\"anchor\" href=\"#{anchor}\" aria-label=\"Link to: {label}\">#</a></h{level}>\n");
        self.events.insert(at, Event::Html(CowStr::from(open)));
        self.raw(close);
    }

    /// Adds plain text to the section, or to its heading.
    fn note(&mut self, text: &str) {
        let Some(section) = self.sections.last_mut() else { return };
        if self.heading.is_some() { &mut section.heading } else { &mut section.text }.push_str(text);
    }

    /// Where a link of the repository leads on the server: to a guide, to another host, to an anchor. Other files of the
    /// repository are not on the server, so that such a link is shown as text.
    fn target(&self, link: &str) -> Option<String> {
        if link.contains("://") || link.starts_with('#') || link.starts_with("mailto:") {
            return Some(link.to_owned());
        }
        let at = link.find('#').unwrap_or(link.len());
        let (path, anchor) = link.split_at(at);
        if path.ends_with(".graphql") {
            return Some(format!("/docs/{link}"));
        }
        match path.strip_suffix(".md")? {
            "README" => Some(format!("/docs{anchor}")),
            name => self.title(name).map(|_| format!("/docs/{name}{anchor}")),
        }
    }

    /// The title of a published guide.
    fn title(&self, name: &str) -> Option<&'a str> {
        self.published.iter().find(|(known, _)| known == name).map(|(_, title)| title.as_str())
    }

    fn raw(&mut self, html: String) {
        self.events.push(Event::Html(CowStr::from(html)));
    }
}

fn number(level: HeadingLevel) -> u8 {
    level as u8
}

/// A text for HTML, in quotes too.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
