// How the installed Chromium is started: the one of the system, which Playwright does not download.
export const launchOptions = {
  executablePath: process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
