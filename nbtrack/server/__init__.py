"""The door of Jupyter servers: saves and requests in; checkpoints through the rooms below, JSON out. Only here is jupyter_server known."""
