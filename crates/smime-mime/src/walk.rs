use std::io::Read;

use smime_io::{Limits, Source};

use crate::{
    ContentType, Entity, Error, Headers, Protection,
    entity::default_type_of_parts,
    multipart::{Block, Boundary, Part, Scanner},
    protection::Claim,
    transfer::Encoding,
};

pub(crate) fn check_complete(entity: &Entity, limits: &Limits) -> Result<(), Error> {
    let mut budget = Budget::new(limits);
    Walk::new(entity, limits, &mut budget, Task::Complete)?.run(0)?;
    Ok(())
}

pub(crate) fn nested_protections(entity: &Entity, limits: &Limits) -> Result<Vec<Entity>, Error> {
    let mut budget = Budget::new(limits);
    let mut found = Vec::new();
    let root = match entity.protection() {
        Ok(Protection::None) => Root::Unprotected,
        _ => Root::Itself,
    };
    let mut entities = vec![(entity.clone(), 0, root)];
    // Messages that came in a transfer encoding are walked after the message that holds them.
    while let Some((entity, depth, root)) = entities.pop() {
        let walk = Walk::new(&entity, limits, &mut budget, Task::Protections(root));
        let finds = match walk.and_then(|walk| walk.run(depth)) {
            Err(error) if error.is_about_content() => continue,
            result => result?,
        };
        for (claims, depth) in finds.protected {
            let is_looked_into = is_unclear(&claims) && budget.allows_a_look();
            match is_looked_into.then(|| claims.protection()) {
                Some(Ok(Protection::None)) => entities.push((claims, depth, Root::Unprotected)),
                _ => found.push(claims),
            }
        }
        for (attached, depth) in finds.encoded {
            let read = attached
                .decoded_body()
                .and_then(|body| Entity::read(body, limits));
            match read {
                Err(error) if error.is_about_content() => {}
                result => entities.push((result?, depth, Root::Attached)),
            }
        }
    }
    Ok(found)
}

/// What a walk is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Everything must be complete; the first flaw is an error.
    Complete,
    /// Protected entities are sought; what cannot be read holds none.
    Protections(Root),
}

/// What the entity is that a walk for protections begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    /// The one asked about: if it is protected, nothing is sought in it.
    Itself,
    /// Known not to be protected, also where its header leaves that open
    /// ([`Claim::SignedSomehow`]).
    Unprotected,
    /// A message that was attached: a find, if it is protected.
    Attached,
}

/// What all walks of one call may cost together. Without it, parts could multiply by nesting.
struct Budget {
    parts: usize,
    header_bytes: usize,
    encoded: usize,
    unclear: usize,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        // Each encoded message costs one more pass over what it stands in, however short it is.
        Self {
            parts: limits.parts,
            header_bytes: limits.structure,
            encoded: limits.depth,
            // So does each look into a part whose header leaves open whether it is protected.
            unclear: limits.depth,
        }
    }

    /// Says whether one more unclear part may be looked into; otherwise it counts as protected.
    fn allows_a_look(&mut self) -> bool {
        let left = self.unclear.checked_sub(1);
        self.unclear = left.unwrap_or_default();
        left.is_some()
    }
}

/// Says whether only the parts of an entity tell if it is protected.
fn is_unclear(entity: &Entity) -> bool {
    let content_type = entity.content_type();
    content_type.is_ok_and(|it| Claim::of(entity.headers(), &it) == Claim::SignedSomehow)
}

/// Goes through an entity with all its parts and attached messages in one pass.
struct Walk<'a> {
    source: &'a Source,
    limits: &'a Limits,
    budget: &'a mut Budget,
    task: Task,
    root_type: &'static str,
    scanner: Scanner<Box<dyn Read + Send + 'a>>,
    /// The multiparts one stands in, outermost first, beside their boundaries.
    levels: Vec<Level>,
    boundaries: Vec<Boundary>,
    /// A find whose end is not known yet.
    open: Option<Open>,
    finds: Finds,
}

struct Level {
    depth: usize,
    default_type: &'static str,
    has_parts: bool,
}

struct Open {
    block: Block,
    default_type: &'static str,
    /// For a message in a transfer encoding, the depth of what is in it.
    encoded: Option<usize>,
    depth: usize,
}

#[derive(Default)]
struct Finds {
    protected: Vec<(Entity, usize)>,
    encoded: Vec<(Entity, usize)>,
}

/// What follows a header block.
enum Next {
    Leaf,
    Protected,
    Multipart(Boundary, &'static str),
    Message,
    EncodedMessage,
}

impl<'a> Walk<'a> {
    fn new(
        entity: &'a Entity,
        limits: &'a Limits,
        budget: &'a mut Budget,
        task: Task,
    ) -> Result<Self, Error> {
        let source = entity.source();
        Ok(Self {
            source,
            limits,
            budget,
            task,
            root_type: entity.default_type(),
            scanner: Scanner::new(source.open()?, 0),
            levels: Vec::new(),
            boundaries: Vec::new(),
            open: None,
            finds: Finds::default(),
        })
    }

    fn run(mut self, depth: usize) -> Result<Finds, Error> {
        self.entity(depth, self.root_type)?;
        if self.task == Task::Protections(Root::Itself) {
            // A root that is protected itself is not inside anything.
            let is_root = |open: &Open| open.block.start == 0 && open.encoded.is_none();
            if self.open.as_ref().is_some_and(is_root) {
                return Ok(self.finds);
            }
        }
        while let Some(found) = self.scanner.delimiter(&self.boundaries)? {
            self.close_find(found.content_end)?;
            self.leave(found.level + 1)?;
            let Some(level) = self.levels.last_mut() else {
                break;
            };
            if found.is_close {
                if !level.has_parts {
                    self.flaw("multipart without parts")?;
                }
                self.levels.truncate(found.level);
                self.boundaries.truncate(found.level);
                continue;
            }
            level.has_parts = true;
            let (depth, default_type) = (level.depth + 1, level.default_type);
            self.budget.parts = (self.budget.parts.checked_sub(1))
                .ok_or(Error::too_large("parts", self.limits.parts))?;
            self.entity(depth, default_type)?;
        }
        self.close_find(self.scanner.offset())?;
        self.leave(0)?;
        Ok(self.finds)
    }

    /// Reads the header of an entity, and of the message attached in it, and so on.
    fn entity(&mut self, mut depth: usize, mut default_type: &'static str) -> Result<(), Error> {
        loop {
            if depth > self.limits.depth {
                return Err(Error::too_large("depth", self.limits.depth));
            }
            let block = self
                .scanner
                .headers(&self.boundaries, self.limits.headers)?;
            self.budget.header_bytes = (self.budget.header_bytes.checked_sub(block.raw.len()))
                .ok_or(Error::too_large("structure", self.limits.structure))?;
            let next = match self.next(&block, default_type) {
                Err(error) if self.task != Task::Complete && error.is_about_content() => Next::Leaf,
                result => result.map_err(|error| error.within(block.start))?,
            };
            match next {
                Next::Leaf => return Ok(()),
                Next::Protected => {
                    self.open = Some(Open {
                        block,
                        default_type,
                        encoded: None,
                        depth,
                    });
                    return Ok(());
                }
                Next::Multipart(boundary, default_type) => {
                    self.levels.push(Level {
                        depth,
                        default_type,
                        has_parts: false,
                    });
                    self.boundaries.push(boundary);
                    return Ok(());
                }
                Next::Message => {
                    depth += 1;
                    default_type = crate::entity::TEXT;
                }
                Next::EncodedMessage => {
                    self.budget.encoded = (self.budget.encoded.checked_sub(1))
                        .ok_or(Error::too_large("depth", self.limits.depth))?;
                    self.open = Some(Open {
                        block,
                        default_type,
                        encoded: Some(depth + 1),
                        depth,
                    });
                    return Ok(());
                }
            }
        }
    }

    fn next(&self, block: &Block, default_type: &'static str) -> Result<Next, Error> {
        if self.task == Task::Complete {
            check_header(block)?;
        }
        let headers = Headers::parse(block.raw.clone())?;
        let content_type = ContentType::of(&headers, default_type)?;
        let claim = match self.task {
            Task::Complete => Claim::None,
            Task::Protections(root) => match Claim::of(&headers, &content_type) {
                Claim::SignedSomehow if root == Root::Unprotected && block.start == 0 => {
                    Claim::None
                }
                claim => claim,
            },
        };
        if claim != Claim::None {
            return Ok(Next::Protected);
        }
        match content_type.media_type.as_str() {
            "message/rfc822" | "message/global" => match Encoding::of(&headers) {
                Ok(Encoding::Identity) => Ok(Next::Message),
                // Whole in itself: nothing of the encoded message can run into what follows it.
                Ok(_) | Err(_) if self.task == Task::Complete => Ok(Next::Leaf),
                encoding => encoding.map(|_| Next::EncodedMessage),
            },
            media_type if media_type.starts_with("multipart/") => {
                let boundary = Boundary::of(&content_type)
                    .ok_or(Error::malformed("multipart without a usable boundary", 0))?;
                Ok(Next::Multipart(
                    boundary,
                    default_type_of_parts(&content_type),
                ))
            }
            _ => Ok(Next::Leaf),
        }
    }

    /// Forgets the multiparts from `level` on, which end without a closing boundary.
    fn leave(&mut self, level: usize) -> Result<(), Error> {
        if self.levels.len() > level {
            self.flaw("multipart without its closing boundary")?;
            self.levels.truncate(level);
            self.boundaries.truncate(level);
        }
        Ok(())
    }

    fn flaw(&self, what: &'static str) -> Result<(), Error> {
        match self.task {
            Task::Complete => Err(Error::malformed(what, self.scanner.offset())),
            Task::Protections(_) => Ok(()),
        }
    }

    fn close_find(&mut self, end: u64) -> Result<(), Error> {
        let Some(Open {
            block,
            default_type,
            encoded,
            depth,
        }) = self.open.take()
        else {
            return Ok(());
        };
        let part = Part::new(block, end);
        let entity = Entity::of_part(self.source, part, default_type, self.limits)?;
        match encoded {
            Some(depth) => self.finds.encoded.push((entity, depth)),
            None => self.finds.protected.push((entity, depth)),
        }
        Ok(())
    }
}

/// Checks that a header block is text, and ends if the entity does not end with it.
fn check_header(block: &Block) -> Result<(), Error> {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    if let Some(at) = block.raw.iter().position(|byte| !is_text(byte)) {
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        return Err(Error::malformed("header that is not 7-bit text", at));
    }
    if block.start == 0 && !block.ends {
        return Err(Error::malformed("header without an end", block.body));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
