"""A bank as a process: started, killed, started again on the same data; and its HTTP API, for one of its tenants."""

import copy
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse

PATIENCE = 60  # seconds to wait for what is quick on an idle machine


class Bank:
    """The program bank on a data directory, asked by a tenant."""

    def __init__(self, programs, data, *flags):
        self.programs, self.data, self.flags = programs, data, flags
        self.process = self.host = None
        self.tenant, self.headers = "main", {}
        self.log = open(data + ".log", "a+", encoding="utf-8")
        self.local = threading.local()

    def start(self):
        """Start the program and wait until it is ready."""
        begin = self.log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(
            [f"{self.programs}/bank", "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.flags],
            stdout=self.log, stderr=self.log)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.log.name, encoding="utf-8") as log:
                log.seek(begin)
                found = re.search(r"API +http://([0-9.:]+)", log.read())
            if found:
                self.host = found.group(1)
                if self.get("/readyz", ready=False) is not None:
                    return
            time.sleep(0.05)
        raise SystemExit(f"the bank did not become ready; the end of its log:\n{self.tail()}")

    def of(self, tenant):
        """Return the bank as the holder of a new key of a tenant asks it, until it ends."""
        made = json.loads(self.job("bank", "key", "create", "--name", tenant, "--tenant", tenant, "--scopes", "all", "--all-tenants", "--json"))
        view = copy.copy(self)
        view.tenant, view.headers, view.local = tenant, {"Authorization": "Bearer " + made["key"]}, threading.local()
        end = time.monotonic() + PATIENCE
        while view.get("/v1/accounts", ready=False) is None and time.monotonic() < end:  # a new key is known in two seconds
            time.sleep(0.1)
        return view

    def use(self, view):
        """Ask with the key of a view from now on, also after another start."""
        self.headers = view.headers

    def kill(self):
        """Kill the program: nothing is flushed, drained or closed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """End the program in order, if it runs."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def tail(self):
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()[-3000:]

    def job(self, program, *args):
        """Run a job on the data, beside the bank or without it, and return what it prints."""
        done = subprocess.run([f"{self.programs}/{program}", *args, "--data", self.data], capture_output=True, text=True, timeout=10 * PATIENCE)
        if done.returncode != 0:
            raise SystemExit(f"{program} {' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def get(self, path, ready=True, **query):
        """Return the answer of a GET, None for 404. Each thread keeps a connection."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        for _ in range(3):
            if getattr(self.local, "host", None) != self.host:
                self.local.host, self.local.connection = self.host, http.client.HTTPConnection(self.host, timeout=PATIENCE)
            try:
                self.local.connection.request("GET", path, headers=self.headers)
                response = self.local.connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                self.local.host = None
                if not ready:
                    return None
                continue
            if response.status == 200:
                return json.loads(body)
            if response.status == 404 or not ready:
                return None
            if response.status != 503:
                raise SystemExit(f"GET {path}: {response.status} {body.decode()}")
            time.sleep(0.2)
        raise SystemExit(f"GET {path} was not answered:\n{self.tail()}")

    def pages(self, path, member, **query):
        """Return the items of all pages of a list, and the last page."""
        items = []
        while True:
            page = self.get(path, **query)
            items += page[member]
            if not page["has_more"]:
                return items, page
            query["cursor"] = page["next_cursor"]

    def bulk(self, commands, answered):
        """Send commands in one request, and call answered with each result. Raise OSError if the bank ends before the last."""
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        try:
            body = "".join(json.dumps(c, separators=(",", ":")) + "\n" for c in commands)
            connection.request("POST", "/v1/bulk", body.encode(), {"Content-Type": "application/x-ndjson", **self.headers})
            results = 0
            for line in connection.getresponse():
                answered(json.loads(line))
                results += 1
            if results != len(commands):
                raise OSError(f"{results} of {len(commands)} results")
        except http.client.HTTPException as e:
            raise OSError(str(e)) from e
        finally:
            connection.close()
