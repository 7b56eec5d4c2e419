"""What `millrace doctor` looks at: a function a question, all of one Host, none of which changes anything.

finding, host             what is found, and where it is read           examine     all questions in order
program, place, stack     Python, lock file, kernels; folders; ports, services, docker
processor, memory, limits what the machine gives to a process that must not wait
"""
