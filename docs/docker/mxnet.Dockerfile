# docker build -f docs/docker/mxnet.Dockerfile -t narrowcast-mxnet .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" narrowcast-mxnet run net.yaml
FROM python:3.11-slim
COPY . /narrowcast
RUN pip install --no-cache-dir -c /narrowcast/constraints.txt "/narrowcast[mxnet]"
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
ENTRYPOINT ["narrowcast"]
