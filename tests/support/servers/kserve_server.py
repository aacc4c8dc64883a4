"""KServe's own Python server with a model that loads nothing; the port is the one argument."""

import sys

import kserve

model = kserve.Model("churn")
model.ready = True
kserve.ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([model])
