"""What people do with etcdctl, as stories: each begins with an empty cluster and is a function of one etcdctl."""
