//! Reads what strace recorded of a server: what it did to the files of its data directory, and what it sent.

use std::collections::HashMap;
use std::path::Path;

/// The system calls to record: all that change files or directories, whether or not they are expected, and
/// all that send. Not every processor has those with a question mark.
pub const CALLS: &str = "?open,openat,openat2,?creat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,\
    ?truncate,?ftruncate,fallocate,copy_file_range,?sendfile,splice,io_uring_setup,fsync,fdatasync,sync_file_range,\
    sync,syncfs,msync,?rename,?renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat";

/// What strace must be told besides, so that nothing is cut short and file descriptors come with their names.
pub const OPTIONS: [&str; 5] = ["-f", "-y", "-xx", "-s", "16777216"];

/// Something that the server did, in the order in which it did it. Files are named as in the directory at that time.
#[derive(Debug)]
pub enum Event {
    /// A file was opened, and made if it was not there.
    Created { name: String },
    /// Bytes were written. They may reach the disk from now on.
    Written {
        name: String,
        offset: usize,
        data: Vec<u8>,
    },
    /// A file was cut or extended to a length.
    Truncated { name: String, len: usize },
    /// A file got another name.
    Renamed { from: String, to: String },
    /// A name was removed.
    Removed { name: String },
    /// A sync was asked for: of a file, or of the directory's names when there is no `name`. It covers what
    /// was done before.
    SyncBegan { call: usize, name: Option<String> },
    /// That sync returned: what it covers is on the disk.
    SyncEnded { call: usize },
    /// Bytes were handed to a socket.
    Sent { socket: String, data: Vec<u8> },
}

/// Reads a recording. `directory` is the data directory, canonical.
///
/// What may have an effect early counts from the call's beginning (writes, sends), what is a promise from its
/// return (syncs). A thread stands still while strace writes its line, so lines are in causal order.
pub fn read(recording: &str, directory: &Path) -> Vec<Event> {
    let directory = directory.to_str().expect("the test's directory has a plain name");
    let mut events = Vec::new();
    for (number, call) in calls(recording).iter().enumerate() {
        interpret(number, call, directory, &mut events);
    }
    events.sort_by_key(|(line, _)| *line);
    events.into_iter().map(|(_, event)| event).collect()
}

struct Call<'a> {
    name: &'a str,
    /// As far as they were known when the call began, which for the calls of interest is all of them.
    arguments: &'a str,
    began: usize,
    /// The line on which it returned, and with what. None when the process was killed before.
    returned: Option<(usize, i64)>,
}

/// The calls in the order in which they began, each put together when others came between its two halves.
fn calls(recording: &str) -> Vec<Call<'_>> {
    let mut calls: Vec<Call<'_>> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for (line, text) in recording.lines().enumerate() {
        let (thread, text) = text
            .trim_start()
            .split_once(' ')
            .expect("strace begins each line with the thread");
        let text = text.trim_start();
        if text.starts_with("+++") || text.starts_with("---") {
            continue;
        }
        if text.starts_with("<... ") {
            let index = unfinished.remove(thread).expect("what is resumed was begun");
            calls[index].returned = Some((line, return_value(text)));
            continue;
        }
        let (name, arguments) = text
            .split_once('(')
            .expect("a call has its arguments in brackets");
        let mut call = Call {
            name,
            arguments,
            began: line,
            returned: None,
        };
        match arguments.strip_suffix("<unfinished ...>") {
            Some(arguments) => {
                call.arguments = arguments;
                unfinished.insert(thread, calls.len());
            }
            None => call.returned = Some((line, return_value(text))),
        }
        calls.push(call);
    }
    calls
}

/// The number behind the last ` = `; -1 for `?`, which stands for a call that a kill interrupted.
fn return_value(text: &str) -> i64 {
    let (_, value) = text.rsplit_once(" = ").expect("a call returns something");
    let end = value
        .find(|c: char| c != '-' && !c.is_ascii_digit())
        .unwrap_or(value.len());
    value[..end].parse().unwrap_or(-1)
}

fn interpret(number: usize, call: &Call<'_>, directory: &str, events: &mut Vec<(usize, Event)>) {
    let Some((returned, value)) = call.returned.filter(|(_, value)| *value >= 0) else {
        // Failed, or never came to anything.
        return;
    };
    let arguments = call.arguments;
    match call.name {
        "openat" => {
            let name = quoted(arguments).next().and_then(|path| inside(&path, directory));
            if let Some(Place::File(name)) = name
                && arguments.contains("O_CREAT")
            {
                assert!(!arguments.contains("O_TRUNC"), "not modelled: {arguments}");
                events.push((returned, Event::Created { name }));
            }
        }
        "rename" | "renameat" | "renameat2" => {
            let paths: Vec<_> = quoted(arguments).map(|path| inside(&path, directory)).collect();
            match &paths[..] {
                [Some(Place::File(from)), Some(Place::File(to))] => {
                    let (from, to) = (from.clone(), to.clone());
                    events.push((returned, Event::Renamed { from, to }));
                }
                [None, None] => {}
                _ => panic!("not modelled: {}({arguments}", call.name),
            }
        }
        "unlink" | "unlinkat" => {
            let path = quoted(arguments).next().expect("unlink takes a path");
            if let Some(Place::File(name)) = inside(&path, directory) {
                events.push((returned, Event::Removed { name }));
            }
        }
        "write" | "writev" | "sendto" | "sendmsg" if descriptor(arguments).starts_with("socket:") => {
            let socket = descriptor(arguments);
            let mut data: Vec<u8> = quoted(arguments).flatten().collect();
            data.truncate(value as usize);
            events.push((call.began, Event::Sent { socket, data }));
        }
        "write" | "writev" => {
            assert!(
                inside(descriptor(arguments).as_bytes(), directory).is_none(),
                "not modelled: {}({arguments}",
                call.name
            );
        }
        "pwrite64" => {
            if let Some(name) = file(arguments, directory) {
                let mut data = quoted(arguments).next().expect("pwrite takes bytes");
                data.truncate(value as usize);
                let offset = last_number(arguments);
                events.push((call.began, Event::Written { name, offset, data }));
            }
        }
        "ftruncate" => {
            if let Some(name) = file(arguments, directory) {
                let len = last_number(arguments);
                events.push((call.began, Event::Truncated { name, len }));
            }
        }
        "fsync" | "fdatasync" => {
            let name = match inside(descriptor(arguments).as_bytes(), directory) {
                Some(Place::File(name)) => Some(name),
                Some(Place::Itself) => None,
                None => return,
            };
            events.push((call.began, Event::SyncBegan { call: number, name }));
            events.push((returned, Event::SyncEnded { call: number }));
        }
        // Not what this server does today. When it does, the model has to learn it.
        name => panic!("not modelled: {name}({arguments}"),
    }
}

/// Where a path leads to, if it leads to the data directory.
enum Place {
    Itself,
    File(String),
}

fn inside(path: &[u8], directory: &str) -> Option<Place> {
    let path = std::str::from_utf8(path).ok()?;
    match path.strip_prefix(directory)? {
        "" => Some(Place::Itself),
        rest => Some(Place::File(rest.strip_prefix('/')?.to_owned())),
    }
}

/// The name of the data file that a call's first argument stands for, unless the file has no name any more.
fn file(arguments: &str, directory: &str) -> Option<String> {
    match inside(descriptor(arguments).as_bytes(), directory)? {
        Place::File(name) if !arguments.contains(">(deleted)") => Some(name),
        _ => None,
    }
}

/// What the file descriptor is, which stands behind it: `5<...>`.
fn descriptor(arguments: &str) -> String {
    let Some((_, rest)) = arguments.split_once('<') else {
        return String::new();
    };
    let (name, _) = rest.split_once('>').expect("a name ends");
    match name.starts_with("\\x") {
        true => String::from_utf8(unescape(name)).expect("the test's files have plain names"),
        false => name.to_owned(),
    }
}

/// The strings among the arguments.
fn quoted(arguments: &str) -> impl Iterator<Item = Vec<u8>> {
    let mut parts = arguments.split('"').skip(1);
    std::iter::from_fn(move || {
        let string = parts.next()?;
        let behind = parts.next().expect("a string ends");
        assert!(!behind.starts_with("..."), "strace cut a string short");
        Some(unescape(string))
    })
}

/// Undoes strace's `-xx`: every byte is written as `\x` and two digits.
fn unescape(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("a hexadecimal digit") as u8;
    text.as_bytes()
        .chunks_exact(4)
        .map(|escaped| digit(escaped[2]) << 4 | digit(escaped[3]))
        .collect()
}

fn last_number(arguments: &str) -> usize {
    let (arguments, _) = arguments.rsplit_once(')').unwrap_or((arguments, ""));
    let (_, number) = arguments
        .rsplit_once(", ")
        .expect("there is more than one argument");
    number.trim().parse().expect("the last argument is a number")
}
