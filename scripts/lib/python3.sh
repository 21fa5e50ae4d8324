# Makes the virtual environment that the Python example is tested in.
# shellcheck shell=bash

python_env=$root/target/python

ensure_python_env() {
  build_once python "$python_env/pyvenv.cfg" examples/python/requirements.txt -- make_python_env
}

make_python_env() {
  # Debian's Python comes without what makes environments.
  python3 -c 'import ensurepip, venv' || install_packages python3-venv
  rm -rf "$python_env"
  python3 -m venv "$python_env"
  "$python_env/bin/pip" install --quiet --disable-pip-version-check --requirement examples/python/requirements.txt
}
