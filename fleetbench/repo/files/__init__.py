"""The files of a repository as source-controller archives them, and YAML as Kubernetes reads it."""
