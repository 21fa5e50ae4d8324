# Whether somebody already listens on a port of this machine.
# shellcheck shell=bash

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
