// Finds a book by its ISBN: at Open Library, or in a small bundled sample when that cannot be reached.

export interface Book {
  readonly title: string;
  readonly author: string;
}

export type Lookup =
  | { readonly kind: "found"; readonly book: Book; readonly source: "openlibrary" | "sample" }
  /** Open Library answered and has no such book. */
  | { readonly kind: "unknown" }
  /** Open Library did not answer in time, and the sample has no such book. */
  | { readonly kind: "unreachable" };

/** Long enough for a slow network, short enough to wait for in a dialog. */
const TIMEOUT_MS = 2500;

/** Thirteen digits, without what people write between them. */
export const SAMPLE: Readonly<Record<string, Book>> = {
  "9780547928227": { title: "The Hobbit", author: "J. R. R. Tolkien" },
  "9780141439518": { title: "Pride and Prejudice", author: "Jane Austen" },
  "9780141439471": { title: "Frankenstein", author: "Mary Shelley" },
  "9780141441146": { title: "Jane Eyre", author: "Charlotte Brontë" },
  "9780142437247": { title: "Moby-Dick", author: "Herman Melville" },
  "9780141439600": { title: "A Tale of Two Cities", author: "Charles Dickens" },
  "9780451524935": { title: "1984", author: "George Orwell" },
  "9780061120084": { title: "To Kill a Mockingbird", author: "Harper Lee" },
  "9780743273565": { title: "The Great Gatsby", author: "F. Scott Fitzgerald" },
  "9780156012195": { title: "The Little Prince", author: "Antoine de Saint-Exupéry" },
  "9780131103627": { title: "The C Programming Language", author: "Kernighan and Ritchie" },
  "9780201633610": { title: "Design Patterns", author: "Gamma, Helm, Johnson, Vlissides" },
};

/** The ISBN as thirteen digits, from either of its forms and with any punctuation; nothing when its check digit is wrong. */
export function parseIsbn(text: string): string | undefined {
  const isbn = text.replaceAll(/[\s-]/g, "").toUpperCase();
  if (/^\d{13}$/.test(isbn)) return checkDigit13(isbn) === isbn[12] ? isbn : undefined;
  if (!/^\d{9}[\dX]$/.test(isbn) || checkDigit10(isbn) !== isbn[9]) return undefined;
  const stem = `978${isbn.slice(0, 9)}`;
  return stem + checkDigit13(stem);
}

/** Never rejects: each way in which it can end has its own kind. */
export async function lookUpBook(isbn: string, fetchBook: typeof fetch = fetch): Promise<Lookup> {
  try {
    const url = `https://openlibrary.org/api/books?bibkeys=ISBN:${isbn}&jscmd=data&format=json`;
    const response = await fetchBook(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`Open Library answered ${response.status}`);
    const book = parseAnswer(await response.json(), isbn);
    return book ? { kind: "found", book, source: "openlibrary" } : { kind: "unknown" };
  } catch {
    const book = SAMPLE[isbn];
    return book ? { kind: "found", book, source: "sample" } : { kind: "unreachable" };
  }
}

function parseAnswer(answer: unknown, isbn: string): Book | undefined {
  const entry = (answer as Record<string, { title?: unknown; authors?: Array<{ name?: unknown }> }> | null)?.[`ISBN:${isbn}`];
  if (typeof entry?.title !== "string") return undefined;
  const authors = (Array.isArray(entry.authors) ? entry.authors : []).map(({ name }) => name).filter((name) => typeof name === "string");
  return { title: entry.title, author: authors.join(", ") };
}

function checkDigit13(digits: string): string {
  const sum = [...digits.slice(0, 12)].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0);
  return String((10 - (sum % 10)) % 10);
}

function checkDigit10(digits: string): string {
  const sum = [...digits.slice(0, 9)].reduce((total, digit, index) => total + Number(digit) * (10 - index), 0);
  const check = (11 - (sum % 11)) % 11;
  return check === 10 ? "X" : String(check);
}
